// 01 What was loaded
// What was loaded, and when
MATCH (l:Load)
RETURN l.source AS source, l.state AS state, l.rows AS rows, l.startedAt AS started,
       l.committedAt AS committed, l.latestKnownOn AS latestDay, l.tied AS tied
ORDER BY started DESC LIMIT 50
