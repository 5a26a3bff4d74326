"""The intermediate form and its passes."""
