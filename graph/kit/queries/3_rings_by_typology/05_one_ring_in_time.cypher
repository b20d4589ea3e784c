// 05 One ring: in time
// One ring: its records in the order in which they happened
CALL () {
  MATCH (ring:Ring {ringId: $ringId}) RETURN ring
  UNION
  MATCH (ring:Ring) WHERE $ringId IS NULL AND EXISTS { (ring)-[:RESTS_ON]->() }
  RETURN ring ORDER BY ring.severity DESC, ring.ringId LIMIT 1
}
MATCH (ring)-[:RESTS_ON]->(e)
RETURN ring.ringId AS ring, coalesce(e.issuedOn, e.paidOn, e.dispatchedOn, e.financedOn, e.occurredOn) AS day,
       [l IN labels(e) WHERE NOT l ENDS WITH 'Version'][0] AS record,
       coalesce(e.invoiceId, e.paymentId, e.shipmentId, e.eventId) AS key,
       coalesce(e.sellerId, e.payerId, e.shipperId, e.financierId, e.partyId) AS source,
       coalesce(e.buyerId, e.payeeId, e.consigneeId, e.assigneeId, e.counterpartyId) AS target,
       coalesce(e.amount, e.value) AS amountInMinorUnits, e.currency AS currency
ORDER BY day, key LIMIT 200
