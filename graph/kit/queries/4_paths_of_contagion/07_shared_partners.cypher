// 07 Shared by the riskiest
// Partners that several of the riskiest have in common
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskScore IS NOT NULL
WITH p ORDER BY p.riskScore LIMIT 300
MATCH (p)-[:SUPPLIES|FINANCES|GUARANTEES]-(other:Party)
WITH other, count(DISTINCT p) AS risky, collect(DISTINCT p.partyId)[..10] AS parties
ORDER BY risky DESC, other.partyId LIMIT 25
RETURN other.partyId AS partner, other.name AS name, other.riskScore AS score, risky, parties
ORDER BY risky DESC LIMIT 25
