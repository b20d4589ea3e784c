// 08 One case: sheet to file
// One case as a sheet to file: parties, roles, amounts, explanations
CALL () {
  MATCH (c:Case {caseId: $caseId}) RETURN c
  UNION
  MATCH (c:Case) WHERE $caseId IS NULL AND c.runId IS NOT NULL AND EXISTS { (c)<-[:PART_OF]-() }
  RETURN c ORDER BY c.severity DESC, c.caseId LIMIT 1
}
MATCH (c)<-[:PART_OF]-(ring:Ring)-[i:INVOLVES]->(p:Party)
WITH c, ring, collect(p.partyId + ' (' + i.role + ')')[..50] AS members
RETURN c.caseId AS caseId, c.status AS status, c.note AS note, ring.ringId AS ring, ring.title AS what,
       ring.severity AS severity, ring.firstOn AS first, ring.lastOn AS last,
       ring.amount AS amountInMinorUnits, COUNT { (ring)-[:RESTS_ON]->() } AS records, members,
       ring.explanation AS explanation
ORDER BY severity DESC LIMIT 50
