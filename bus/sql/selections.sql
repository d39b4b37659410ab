-- item_stands -- What a delivery stands at: state, when it changed, its newest move; its unit, and its order in its lane.
SELECT d.state, d.changed_at, (SELECT max(m.id) FROM moves m WHERE m.delivery = d.id), o.unit, d.lane, e.place, e.id
FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier WHERE d.id = ?;

-- add_selection -- A frozen list's head.
INSERT INTO selections (act, how, account, reason, made_of, units, made_at, count, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_selection_item -- One of it.
INSERT INTO selection_items (selection, n, delivery, state, changed_at, move, would) VALUES (?, ?, ?, ?, ?, ?, ?);

-- find_selection -- A frozen list's head.
SELECT id, act, how, account, reason, made_of, units, made_at, count, digest FROM selections WHERE id = ?;

-- selection_items -- All of it, in order.
SELECT n, delivery, state, changed_at, move, would FROM selection_items WHERE selection = ? ORDER BY n;

-- selection_page -- A page of it, with what each stands at now and what its run made of it.
SELECT i.n, i.delivery, i.state, i.would, o.number, d.partner, d.state, d.status, e.kind, r.outcome, r.at
FROM selection_items i JOIN deliveries d ON d.id = i.delivery JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
  LEFT JOIN runs u ON u.selection = i.selection LEFT JOIN run_items r ON r.run = u.id AND r.n = i.n
WHERE i.selection = ? AND i.n > ? ORDER BY i.n LIMIT ?;

-- selection_would -- The dry run's summary.
SELECT would, count(*) FROM selection_items WHERE selection = ? GROUP BY would ORDER BY count(*) DESC, would;

-- selection_item -- The item that comes next.
SELECT delivery, state, changed_at, move FROM selection_items WHERE selection = ? AND n = ?;

-- newest_selections -- The newest, for the list.
SELECT id, act, how, account, reason, made_of, units, made_at, count, digest FROM selections WHERE id < ? ORDER BY id DESC LIMIT ?;
