import Kernel

/// What a buyer sends: which offer it takes, and the signed authorization.
///
/// Nothing in it is trusted. It is matched against the server's own offer, and
/// the offer alone says what is verified and settled.
package struct PaymentPayload: Sendable, Equatable {
    /// 1 or 2. The answer is given in the same.
    package let version: Int
    package let scheme: String
    /// CAIP-2 id, in both versions. A version 1 name nobody knows stays as it came.
    package let network: String
    /// The offer the buyer says it accepted. Version 1 has none.
    package let accepted: PaymentRequirements?
    /// The scheme's own part. For `exact` on EVM: `signature` and `authorization`.
    package let payload: JSON
    package let resource: JSON?
    package let extensions: JSON?

    package init(
        version: Int, scheme: String, network: String, accepted: PaymentRequirements?, payload: JSON, resource: JSON? = nil, extensions: JSON? = nil
    ) {
        self.version = version
        self.scheme = scheme
        self.network = network
        self.accepted = accepted
        self.payload = payload
        self.resource = resource
        self.extensions = extensions
    }

    /// Reads either version; fields it does not know are left alone. A missing
    /// `x402Version` is 2 where there is an `accepted`, as the SDKs assume.
    ///
    /// - Throws: `invalid_x402_version` or `invalid_payload`.
    package init(json: JSON) throws(X402Refusal) {
        guard json.members != nil else { throw X402Refusal(.invalidPayload, "The payment must be a JSON object.") }
        version = try Self.version(of: json)
        guard let inner = json["payload"], inner.members != nil else { throw X402Refusal(.invalidPayload, "payload must be an object.") }
        payload = inner
        resource = json["resource"]?.present
        extensions = json["extensions"]?.present
        if version == 1 {
            guard let scheme = json["scheme"]?.text, let name = json["network"]?.text else {
                throw X402Refusal(.invalidPayload, "scheme and network must be texts.")
            }
            self.scheme = scheme
            network = EVMNetwork.caip2(v1Name: name) ?? name
            accepted = nil
        } else {
            let accepted = try Self.accepted(json["accepted"])
            scheme = accepted.scheme
            network = accepted.network
            self.accepted = accepted
        }
    }

    /// Reads the value of a `PAYMENT-SIGNATURE` or `X-PAYMENT` header.
    package init(header: String) throws(X402Refusal) {
        try self.init(json: X402Header.decode(header))
    }

    private static func version(of json: JSON) throws(X402Refusal) -> Int {
        guard let value = json["x402Version"] else {
            if json["accepted"]?.members != nil { return 2 }
            throw X402Refusal(.invalidVersion, "x402Version is missing.")
        }
        guard let version = value.integer, version == 1 || version == 2 else { throw X402Refusal(.invalidVersion, "x402Version must be 1 or 2.") }
        return Int(version)
    }

    private static func accepted(_ value: JSON?) throws(X402Refusal) -> PaymentRequirements {
        guard let value else { throw X402Refusal(.invalidPayload, "accepted is required in version 2.") }
        do throws(X402Refusal) {
            return try PaymentRequirements(json: value, version: 2)
        } catch {
            throw X402Refusal(.invalidPayload, "accepted cannot be read: \(error.message)")
        }
    }

    /// As its version writes it.
    package var json: JSON {
        var members: [JSON.Member] = [JSON.Member("x402Version", .integer(version))]
        if let accepted, version != 1 {
            members.append(JSON.Member("accepted", accepted.json))
        } else {
            members.append(JSON.Member("scheme", .string(scheme)))
            members.append(JSON.Member("network", .string(EVMNetwork.v1Name(caip2: network) ?? network)))
        }
        members.append(JSON.Member("payload", payload))
        if let resource { members.append(JSON.Member("resource", resource)) }
        if let extensions { members.append(JSON.Member("extensions", extensions)) }
        return .object(members)
    }

    /// The value of `PAYMENT-SIGNATURE`, or of `X-PAYMENT` in version 1.
    package var header: String { X402Header.encode(json) }

    /// Whether this takes `offer`: equal terms, and every `extra` we advertised
    /// repeated. Clients may add to `extra`, never change or drop.
    ///
    /// Version 1 names only scheme and network; what it signed is checked against
    /// the offer by the rail.
    package func matches(_ offer: PaymentRequirements) -> Bool {
        guard scheme == offer.scheme, network == offer.network else { return false }
        guard let accepted else { return version == 1 }
        return accepted.amount == offer.amount && accepted.asset == offer.asset && accepted.payTo == offer.payTo
            && accepted.maxTimeoutSeconds == offer.maxTimeoutSeconds && Self.holds(accepted.extra, offer.extra)
    }

    /// Whether `actual` has all of `expected`; objects may have more, at any depth.
    private static func holds(_ actual: JSON, _ expected: JSON) -> Bool {
        guard let members = expected.members else { return actual == expected }
        guard actual.members != nil else { return false }
        for member in members {
            guard let value = actual[member.key] else {
                if member.value.isNull { continue }
                return false
            }
            if !holds(value, member.value) { return false }
        }
        return true
    }
}

extension JSON {
    /// Nil for an explicit null: x402 reads a null field as a missing one.
    var present: JSON? {
        if isNull { return Optional<JSON>.none }
        return self
    }
}
