// 01 Set all parameters
// Set all parameters: null means that the kit chooses
:params {party: null, other: null, invoiceId: null, ringId: null, caseId: null, asOf: null}
