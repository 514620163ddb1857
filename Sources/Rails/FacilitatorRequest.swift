import Kernel

/// The body of `POST /verify` and `POST /settle`: a payment, and what it was
/// asked for by whoever sends it to us.
package struct FacilitatorRequest: Sendable, Equatable {
    package let payment: PaymentPayload
    package let requirements: PaymentRequirements

    /// The payload's own version decides how both are read; only where it has
    /// none does the outer `x402Version` count.
    ///
    /// - Throws: `invalid_x402_version`, `invalid_payload` or
    ///   `invalid_payment_requirements`.
    package init(json: JSON) throws(X402Refusal) {
        guard let payload = json["paymentPayload"], let members = payload.members else {
            throw X402Refusal(.invalidPayload, "paymentPayload must be an object.")
        }
        let hasVersion = members.contains { $0.key == "x402Version" }
        if !hasVersion, let outer = json["x402Version"] {
            payment = try PaymentPayload(json: .object(members + [JSON.Member("x402Version", outer)]))
        } else {
            payment = try PaymentPayload(json: payload)
        }
        guard let requirements = json["paymentRequirements"] else {
            throw X402Refusal(.invalidRequirements, "paymentRequirements is required.")
        }
        self.requirements = try PaymentRequirements(json: requirements, version: payment.version)
    }
}
