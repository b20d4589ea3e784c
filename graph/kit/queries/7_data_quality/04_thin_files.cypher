// 04 Thinnest files
// Scored parties of whom least is recorded
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId})
WITH p, COUNT { (p)--() } AS ties ORDER BY ties LIMIT 25
RETURN p.partyId AS party, p.name AS name, ties, p.riskScore AS score, p.riskBand AS band,
       p.knownOn AS known, p.source AS source
ORDER BY ties LIMIT 25
