// 03 Its buyers
// Whom it sells to, largest first, and their risk
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:SUPPLIES]->() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[s:SUPPLIES]->(other:Party)
RETURN p.partyId AS party, other.partyId AS buyer, other.name AS name, other.riskScore AS score,
       other.riskBand AS band, s.count AS invoices, s.amount AS amountInMinorUnits, s.currency AS currency,
       s.lateShare AS paidLate, s.firstOn AS first, s.lastOn AS last
ORDER BY coalesce(s.amount, 0) DESC LIMIT 50
