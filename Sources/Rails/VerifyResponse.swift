import Kernel

/// The answer of `/verify`. Both versions write it the same.
package struct VerifyResponse: Sendable, Equatable {
    package let isValid: Bool
    /// x402's code. Text, since another facilitator may have its own.
    package let invalidReason: String?
    package let invalidMessage: String?
    package let payer: String?

    package init(isValid: Bool, invalidReason: String? = nil, invalidMessage: String? = nil, payer: String? = nil) {
        self.isValid = isValid
        self.invalidReason = invalidReason
        self.invalidMessage = invalidMessage
        self.payer = payer
    }

    package init(_ authorization: Authorization) {
        self.init(isValid: true, payer: authorization.payer)
    }

    package init(_ refusal: X402Refusal) {
        self.init(isValid: false, invalidReason: refusal.reason.rawValue, invalidMessage: refusal.message, payer: refusal.payer)
    }

    /// What is nil is left out, as the SDKs do.
    package var json: JSON {
        var members: [JSON.Member] = [JSON.Member("isValid", .bool(isValid))]
        if let invalidReason { members.append(JSON.Member("invalidReason", .string(invalidReason))) }
        if let invalidMessage { members.append(JSON.Member("invalidMessage", .string(invalidMessage))) }
        if let payer { members.append(JSON.Member("payer", .string(payer))) }
        return .object(members)
    }
}
