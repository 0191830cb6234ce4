"""abgap: did the offline gain reach the business, how sure are we, and where did the rest go?"""

__version__ = "0.1.0"
