"""What did we and the partner promise each other?

Schemas, samples, notes and mocks: each mock is written from the partner's document alone and never sees our adapter.
"""
