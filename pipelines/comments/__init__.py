"""Which comments may be published, and in what order: steps over the comments of whole posts, listed in `recipe.py`."""
