"""What a manifest may say, and where it says something else: strict YAML, then the JSON Schema of the kind.

Pure but for reading the schema files. A finding names the place, what is wrong and what to do.
"""
