// 07 One case, drawn
// One case: its rings and their members ($caseId; else the most severe) (picture)
CALL () {
  MATCH (c:Case {caseId: $caseId}) RETURN c
  UNION
  MATCH (c:Case) WHERE $caseId IS NULL AND c.runId IS NOT NULL AND EXISTS { (c)<-[:PART_OF]-() }
  RETURN c ORDER BY c.severity DESC, c.caseId LIMIT 1
}
MATCH path = (c)<-[:PART_OF]-(:Ring)-[:INVOLVES]->(:Party)
RETURN path LIMIT 300
