// 04 Riskiest parties
// The riskiest parties
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskScore IS NOT NULL
WITH p ORDER BY p.riskScore LIMIT 25
RETURN p.partyId AS party, p.name AS name, p.riskScore AS score, p.riskBand AS band, p.riskPd AS pd,
       p.riskInheritedPoints AS inheritedPoints, p.industry AS industry, p.country AS country
ORDER BY score LIMIT 25
