// 03 With and without score
// Parties with and without a score in this run, by kind
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party)
RETURN p.kind AS kind, count(*) AS parties, sum(CASE WHEN p.runId = run.runId THEN 1 ELSE 0 END) AS scored
ORDER BY parties DESC LIMIT 20
