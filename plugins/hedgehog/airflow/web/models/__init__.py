"""What the API takes and answers, as Pydantic models; the docstring of a field is its description in OpenAPI.

Never more than shape: values come from the services.
"""
