"""Fetching datasets from elsewhere: https, the Hugging Face hub, object stores."""
