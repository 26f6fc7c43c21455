"""What one lesson computes beyond the core, one file a lesson: experiments and their tables."""
