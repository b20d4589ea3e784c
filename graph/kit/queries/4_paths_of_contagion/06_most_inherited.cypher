// 06 Who inherits most risk
// Whose score suffers most from counterparties
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskInheritedPoints IS NOT NULL
WITH p ORDER BY p.riskInheritedPoints, p.riskScore LIMIT 25
RETURN p.partyId AS party, p.name AS name, p.riskInheritedPoints AS inheritedPoints, p.riskScore AS score,
       p.riskBand AS band, COUNT { (p)-[:SUPPLIES]->() } AS buyers, COUNT { (p)<-[:SUPPLIES]-() } AS suppliers
ORDER BY inheritedPoints LIMIT 25
