import Kernel

/// What is being paid for, as the buyer's client sees it.
package struct ResourceInfo: Sendable, Equatable {
    /// The public URL, with the scheme the buyer used: clients compare it.
    package let url: String
    package let description: String
    /// The type of what is delivered, such as `application/json`.
    package let mimeType: String

    package init(url: String, description: String, mimeType: String) {
        self.url = url
        self.description = description
        self.mimeType = mimeType
    }

    package var json: JSON {
        .object([
            JSON.Member("url", .string(url)), JSON.Member("description", .string(description)), JSON.Member("mimeType", .string(mimeType)),
        ])
    }
}

/// The terms of a 402: every way to pay for one resource.
///
/// One answer carries both versions: version 2 in the `PAYMENT-REQUIRED` header,
/// which newer clients look for first, and version 1 as the body.
package struct PaymentRequired: Sendable, Equatable {
    /// Why payment is asked for, or why the last one was refused.
    package let error: String
    package let resource: ResourceInfo
    package let accepts: [PaymentRequirements]
    package let extensions: JSON?

    package init(error: String, resource: ResourceInfo, accepts: [PaymentRequirements], extensions: JSON? = nil) {
        self.error = error
        self.resource = resource
        self.accepts = accepts
        self.extensions = extensions
    }

    /// Reads either version, as a buyer does. Fields it does not know are left alone.
    ///
    /// - Throws: `invalid_x402_version`, `invalid_payload`, or
    ///   `invalid_payment_requirements` for an offer that cannot be read.
    package init(json: JSON) throws(X402Refusal) {
        guard let version = json["x402Version"]?.integer, version == 1 || version == 2 else {
            throw X402Refusal(.invalidVersion, "x402Version must be 1 or 2.")
        }
        guard let items = json["accepts"]?.items else { throw X402Refusal(.invalidPayload, "accepts must be an array.") }
        var accepts: [PaymentRequirements] = []
        for item in items { accepts.append(try PaymentRequirements(json: item, version: Int(version))) }
        // Version 1 repeats the resource in every offer.
        let about: JSON? = version == 1 ? items.first : json["resource"]
        self.accepts = accepts
        error = json["error"]?.text ?? ""
        resource = ResourceInfo(
            url: about?[version == 1 ? "resource" : "url"]?.text ?? "", description: about?["description"]?.text ?? "",
            mimeType: about?["mimeType"]?.text ?? "")
        extensions = json["extensions"]?.present
    }

    /// Reads the value of a `PAYMENT-REQUIRED` header.
    package init(header: String) throws(X402Refusal) {
        try self.init(json: X402Header.decode(header))
    }

    /// As version 2 writes it.
    package var json: JSON {
        var members: [JSON.Member] = [
            JSON.Member("x402Version", 2),
            JSON.Member("error", .string(error)),
            JSON.Member("resource", resource.json),
            JSON.Member("accepts", .array(accepts.map(\.json))),
        ]
        if let extensions { members.append(JSON.Member("extensions", extensions)) }
        return .object(members)
    }

    /// The value of the `PAYMENT-REQUIRED` header.
    package var header: String { X402Header.encode(json) }

    /// As version 1 writes it: the body of the 402. Networks that version 1 has no
    /// name for are not offered there.
    package var v1JSON: JSON {
        let offers = accepts.compactMap { (offer: PaymentRequirements) -> JSON? in
            offer.v1JSON(resource: resource.url, description: resource.description, mimeType: resource.mimeType)
        }
        return .object([JSON.Member("x402Version", 1), JSON.Member("error", .string(error)), JSON.Member("accepts", .array(offers))])
    }
}
