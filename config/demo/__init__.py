"""What `lienthong demo` feeds, how its mock misbehaves, and how the outcome is judged. Pure: no sockets, no clock.

day.py          a seeded day of one invented province, in order of arrival
province.py     its units, its procedures, its working days
people.py       its people, all of them visibly invented
lives.py        what happens to a dossier from filing to hand-over
wire.py         one moment of a life as an event in our own wire form
dirt.py         the troubles that real one-stop systems send, each named and counted
faults.py       how the partner's mock misbehaves meanwhile
portal_view.py  what an event should look like in the portal's books, read apart from the adapter
judge.py        ledger against the mock's effect list, event by event
summary.py      the last page, for a person
"""
