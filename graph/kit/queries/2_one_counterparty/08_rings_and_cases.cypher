// 08 Its rings and cases
// Rings and cases that name it
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)<-[:INVOLVES]-() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)<-[i:INVOLVES]-(ring:Ring)
OPTIONAL MATCH (ring)-[:PART_OF]->(c:Case)
RETURN p.partyId AS party, ring.ringId AS ring, ring.title AS what, i.role AS role, ring.severity AS severity,
       c.caseId AS caseId, c.status AS status, ring.explanation AS explanation
ORDER BY severity DESC LIMIT 25
