import Kernel

/// What a buyer is asked to sign: one way to pay, as sent on the wire.
///
/// Kept in the form of version 2; version 1 is written and read at the edge.
///
/// - SeeAlso: x402 version 2, `PaymentRequirements`.
package struct PaymentRequirements: Sendable, Equatable {
    /// `exact` is the one scheme Till offers.
    package let scheme: String
    /// CAIP-2 id, in both versions. A version 1 name nobody knows stays as it came.
    package let network: String
    /// Decimal digits in the asset's smallest unit on the network.
    package let amount: String
    /// The asset's contract.
    package let asset: String
    /// The address that is paid.
    package let payTo: String
    /// How long the authorization should stay valid. Unit: seconds.
    package let maxTimeoutSeconds: Int
    /// Always an object: a missing `extra` and `{}` mean the same, and SDKs write
    /// either for the other.
    package let extra: JSON

    package init(
        scheme: String = "exact", network: String, amount: String, asset: String, payTo: String, maxTimeoutSeconds: Int, extra: JSON = .object([])
    ) {
        self.scheme = scheme
        self.network = network
        self.amount = amount
        self.asset = asset
        self.payTo = payTo
        self.maxTimeoutSeconds = maxTimeoutSeconds
        self.extra = extra
    }

    /// Reads either version; fields it does not know are left alone.
    ///
    /// - Throws: `invalid_payment_requirements`, naming the field.
    package init(json: JSON, version: Int) throws(X402Refusal) {
        scheme = try Self.text("scheme", of: json)
        let name = try Self.text("network", of: json)
        network = version == 1 ? EVMNetwork.caip2(v1Name: name) ?? name : name
        amount = try Self.text(version == 1 ? "maxAmountRequired" : "amount", of: json)
        asset = try Self.text("asset", of: json)
        payTo = try Self.text("payTo", of: json)
        guard let seconds = json["maxTimeoutSeconds"]?.integer, seconds >= 0 else { throw Self.invalid("maxTimeoutSeconds must be a whole number.") }
        maxTimeoutSeconds = Int(seconds)
        extra = try Self.object(json["extra"])
    }

    private static func text(_ key: String, of json: JSON) throws(X402Refusal) -> String {
        guard let text = json[key]?.text, !text.isEmpty else { throw invalid("\(key) must be a text.") }
        return text
    }

    private static func object(_ value: JSON?) throws(X402Refusal) -> JSON {
        guard let value, !value.isNull else { return .object([]) }
        if value.members != nil { return value }
        // Old version 1 servers sent `extra` as JSON inside a string.
        if let text = value.text, let inner = try? JSON.read(text), inner.members != nil { return inner }
        throw invalid("extra must be an object.")
    }

    private static func invalid(_ message: String) -> X402Refusal { X402Refusal(.invalidRequirements, message) }

    /// As version 2 writes it. `extra` is left out where it is empty.
    package var json: JSON {
        var members: [JSON.Member] = [
            JSON.Member("scheme", .string(scheme)),
            JSON.Member("network", .string(network)),
            JSON.Member("amount", .string(amount)),
            JSON.Member("asset", .string(asset)),
            JSON.Member("payTo", .string(payTo)),
            JSON.Member("maxTimeoutSeconds", .integer(maxTimeoutSeconds)),
        ]
        if extra != .object([]) { members.append(JSON.Member("extra", extra)) }
        return .object(members)
    }

    /// As version 1 writes it, or nil where the network has no version 1 name.
    package func v1JSON(resource: String, description: String, mimeType: String) -> JSON? {
        guard let name = EVMNetwork.v1Name(caip2: network) else { return nil }
        var members: [JSON.Member] = [
            JSON.Member("scheme", .string(scheme)),
            JSON.Member("network", .string(name)),
            JSON.Member("maxAmountRequired", .string(amount)),
            JSON.Member("resource", .string(resource)),
            JSON.Member("description", .string(description)),
            JSON.Member("mimeType", .string(mimeType)),
            JSON.Member("payTo", .string(payTo)),
            JSON.Member("maxTimeoutSeconds", .integer(maxTimeoutSeconds)),
            JSON.Member("asset", .string(asset)),
        ]
        if extra != .object([]) { members.append(JSON.Member("extra", extra)) }
        return .object(members)
    }
}
