"""What each lesson says and draws, computed: one file a lesson, named like its page."""
