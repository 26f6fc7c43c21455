"""Make ``vega.js`` again, after a new version of Altair or Streamlit: needs vl-convert-python.

``python -m pages.shared.static_site.bundle``
"""

from __future__ import annotations

from pathlib import Path

VEGA = Path(__file__).with_name("vega.js")
_HEAD = """/*
Vega {vega}, Vega-Lite {lite} and Vega-Embed {embed}: one script for pages without a server.
Made by pages/shared/static_site/bundle.py; not to be edited.

Copyright (c) 2015-2023, University of Washington Interactive Data Lab
All rights reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted
provided that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions
   and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions
   and the following disclaimer in the documentation and/or other materials provided with the
   distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse
   or promote products derived from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED
WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A
PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR
ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT
LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS
INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR
TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF
ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
*/
"""


def bundled() -> str:
    """The libraries that draw the figures, as one script that can stand inside a page."""
    import vl_convert

    lite = vl_convert.get_vegalite_versions()[-1]
    head = _HEAD.format(
        vega=vl_convert.get_vega_version(), lite=lite, embed=vl_convert.get_vega_embed_version()
    )
    bundle = vl_convert.javascript_bundle(None, lite)  # type: ignore[arg-type]
    script = bundle.replace("</script", r"<\/script")
    return f"{head}(() => {{{script}}})();\n"


if __name__ == "__main__":
    VEGA.write_text(bundled(), encoding="utf-8")
