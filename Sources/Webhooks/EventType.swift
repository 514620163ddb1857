/// Everything that Till tells a seller's systems. The one catalogue: validation, docs and the API read it.
package enum EventType: String, Sendable, CaseIterable {
    case paymentCreated = "payment.created"
    case paymentVerified = "payment.verified"
    case paymentCompleted = "payment.completed"
    case paymentFailed = "payment.failed"
    case paymentExpired = "payment.expired"
    case paymentUnknown = "payment.unknown"
    case settlementQueued = "settlement.queued"
    case settlementConfirmed = "settlement.confirmed"
    case settlementFailed = "settlement.failed"
    case settlementUnknown = "settlement.unknown"
    case saleCreated = "sale.created"
    case linkCreated = "link.created"
    case linkExpired = "link.expired"
    case reservationReleased = "reservation.released"
    case apiKeyCreated = "api_key.created"
    case apiKeyRevoked = "api_key.revoked"

    /// When it happens, in a sentence for the documentation.
    package var summary: String {
        switch self {
        case .paymentCreated: "A buyer's payment of a link was accepted for settlement, or a checkout holds stock for it."
        case .paymentVerified: "The buyer's authorization was checked: right amount, right payee, valid signature."
        case .paymentCompleted: "The money arrived and the sale is recorded."
        case .paymentFailed: "The network refused the payment. Nothing was charged."
        case .paymentExpired: "A payment was not made in time. What it held was released."
        case .paymentUnknown: "The answer to a settlement was lost. Till asks the network until it knows."
        case .settlementQueued: "An authorization is about to be sent to its network."
        case .settlementConfirmed: "The network carried the authorization out, finally."
        case .settlementFailed: "The network refused the authorization, finally."
        case .settlementUnknown: "The authorization was sent and no answer came."
        case .saleCreated: "A sale was recorded, with its ledger entry."
        case .linkCreated: "A payment link was created."
        case .linkExpired: "A payment link reached its expiry."
        case .reservationReleased: "Stock or a link's use that was held for a payment is free again."
        case .apiKeyCreated: "An API key was created."
        case .apiKeyRevoked: "An API key was revoked."
        }
    }
}
