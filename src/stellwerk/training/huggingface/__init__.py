"""Models in Hugging Face layout: ``config.json`` beside safetensors files, read and written.

``config`` and ``families`` work without torch; ``load``, ``write`` and ``adapter`` need it.
"""
