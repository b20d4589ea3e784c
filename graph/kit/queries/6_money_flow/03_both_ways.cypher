// 03 Selling to each other
// Pairs that sell to each other
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskScore IS NOT NULL AND EXISTS { (p)-[:SUPPLIES]->() }
WITH p ORDER BY p.riskScore LIMIT 3000
MATCH (p)-[out:SUPPLIES]->(q:Party)-[back:SUPPLIES]->(p)
RETURN p.partyId AS party, q.partyId AS other, out.amount AS soldInMinorUnits,
       back.amount AS boughtInMinorUnits, out.currency AS currency, out.count AS invoicesOut,
       back.count AS invoicesBack, p.riskBand AS band, q.riskBand AS othersBand
ORDER BY coalesce(out.amount, 0) + coalesce(back.amount, 0) DESC LIMIT 50
