"""What the daemon does again and again, a file for each kind of work; `app.py` joins them."""
