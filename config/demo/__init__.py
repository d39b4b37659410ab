"""What `lienthong demo` feeds, how its mocks misbehave, and how the outcome is judged.

Pure, no sockets, no clock:
day.py          a seeded day of one invented province, in order of arrival
province.py     its units, its procedures, its working days
people.py       its people, all of them visibly invented
lives.py        what happens to a dossier from filing to hand-over, and which one-stop system tells of it
wire.py         one moment of a life as an event in our own wire form
dirt.py         the troubles that real one-stop systems send, each named and counted
faults.py       how the partners' mocks misbehave meanwhile
portal_view.py  what an event should look like in the portal's books, read apart from the adapter
account.py      what the sources were told yes to, beside the ledger's account; by order where events have no ids
judge.py        ledger against the mock's effect list, event by event
told.py         the same for what the one-stop systems were told of their events
born.py         dossiers filed on the portal: their way to the wards' system, and their statuses' way back
systems.py      the three one-stop systems, side by side
summary.py      the last page, for a person

The systems that are not REST:
soap_client.py, soap_system.py   signed SOAP, by whose answers it knows what was taken
old_client.py, old_system.py     the portal's own API, without ids
"""
