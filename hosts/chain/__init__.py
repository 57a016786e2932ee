"""The chain of events: each entry gets a number and a seal over itself and the seal before it (docs/events.md).

| module | what |
|---|---|
| seals | what exactly a seal is made of |
| sealing | gives numbers and seals to what was written since; every second, one process at a time |
| heads | the newest seal, kept outside the database too |
| retention | cuts the oldest, and signs where it cut |
| checking | walks the chain: what was changed, removed, inserted |
"""
