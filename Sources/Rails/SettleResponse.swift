import Kernel

/// The answer of `/settle`, and what a paid or failed answer of a link carries in
/// `PAYMENT-RESPONSE` (`X-PAYMENT-RESPONSE` in version 1).
package struct SettleResponse: Sendable, Equatable {
    package let success: Bool
    /// x402's code. Text, since another facilitator may have its own.
    package let errorReason: String?
    package let errorMessage: String?
    package let payer: String?
    /// The transaction's hash, or empty where there is none. Never empty with
    /// `settlement_pending`: the buyer looks it up there.
    package let transaction: String
    /// CAIP-2 id; version 1 writes its own name for it.
    package let network: String
    /// Decimal digits in the asset's smallest unit: what really moved.
    package let amount: String?
    package let extensions: JSON?

    package init(
        success: Bool, errorReason: String? = nil, errorMessage: String? = nil, payer: String? = nil, transaction: String = "", network: String,
        amount: String? = nil, extensions: JSON? = nil
    ) {
        precondition(errorReason != X402Refusal.Reason.settlementPending.rawValue || !transaction.isEmpty, "a pending settlement has a hash")
        self.success = success
        self.errorReason = errorReason
        self.errorMessage = errorMessage
        self.payer = payer
        self.transaction = transaction
        self.network = network
        self.amount = amount
        self.extensions = extensions
    }

    /// Settled: the money is where it should be.
    package static func settled(_ authorization: Authorization, transaction: String) -> Self {
        Self(
            success: true, payer: authorization.payer, transaction: transaction, network: authorization.network,
            amount: authorization.atomicAmount)
    }

    /// Sent, and not known to have arrived. The buyer must not sign anew.
    package static func pending(_ authorization: Authorization, transaction: String) -> Self {
        Self(
            success: false, errorReason: X402Refusal.Reason.settlementPending.rawValue,
            errorMessage: "The transaction was sent and is not confirmed yet. Do not pay again.", payer: authorization.payer,
            transaction: transaction, network: authorization.network)
    }

    /// Refused or failed: nothing moved.
    package static func refused(_ refusal: X402Refusal, network: String, transaction: String = "") -> Self {
        Self(
            success: false, errorReason: refusal.reason.rawValue, errorMessage: refusal.message, payer: refusal.payer, transaction: transaction,
            network: network)
    }

    /// What is nil is left out, as the SDKs do; `transaction` and `network` are
    /// always there, since the Go SDK demands them.
    package func json(version: Int) -> JSON {
        var members: [JSON.Member] = [JSON.Member("success", .bool(success))]
        if let errorReason { members.append(JSON.Member("errorReason", .string(errorReason))) }
        if let errorMessage { members.append(JSON.Member("errorMessage", .string(errorMessage))) }
        if let payer { members.append(JSON.Member("payer", .string(payer))) }
        members.append(JSON.Member("transaction", .string(transaction)))
        let name = version == 1 ? EVMNetwork.v1Name(caip2: network) ?? network : network
        members.append(JSON.Member("network", .string(name)))
        if let amount, version != 1 { members.append(JSON.Member("amount", .string(amount))) }
        if let extensions, version != 1 { members.append(JSON.Member("extensions", extensions)) }
        return .object(members)
    }

    /// The value of `PAYMENT-RESPONSE`, or of `X-PAYMENT-RESPONSE` in version 1.
    package func header(version: Int) -> String { X402Header.encode(json(version: version)) }

    /// Reads either version, as a buyer does.
    ///
    /// - Throws: `invalid_payload` where `success`, `transaction` or `network` is missing.
    package init(json: JSON) throws(X402Refusal) {
        guard let success = json["success"]?.flag, let transaction = json["transaction"]?.text, let name = json["network"]?.text else {
            throw X402Refusal(.invalidPayload, "A settlement's answer needs success, transaction and network.")
        }
        self.success = success
        self.transaction = transaction
        network = EVMNetwork.caip2(v1Name: name) ?? name
        errorReason = json["errorReason"]?.text
        errorMessage = json["errorMessage"]?.text
        payer = json["payer"]?.text
        amount = json["amount"]?.text
        extensions = json["extensions"]?.present
    }

    /// Reads the value of `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`.
    package init(header: String) throws(X402Refusal) {
        try self.init(json: X402Header.decode(header))
    }
}
