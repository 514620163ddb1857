import Kernel

/// How x402 puts JSON into a header: base64 of UTF-8 text.
///
/// Names are in lower case, as they are compared. Written padded, since the
/// Python SDK refuses anything else; read in every common form.
package enum X402Header {
    package static let required = "payment-required"
    package static let signature = "payment-signature"
    package static let response = "payment-response"
    package static let v1Payment = "x-payment"
    package static let v1Response = "x-payment-response"

    /// Longest value that is read: 64 kB, the limit of every x402 body.
    package static let bytesMax = 65_536

    package static func encode(_ json: JSON) -> String { Base64.encode(json.bytes) }

    /// - Throws: `invalid_payload` where it is no base64 of JSON, or too long.
    package static func decode(_ text: String) throws(X402Refusal) -> JSON {
        guard text.utf8.count <= bytesMax, let bytes = Base64.decode(text) else {
            throw X402Refusal(.invalidPayload, "The payment header is not base64 of at most 64 kB.")
        }
        do {
            return try JSON.read(bytes)
        } catch {
            throw X402Refusal(.invalidPayload, "The payment header does not hold JSON that Till accepts.")
        }
    }
}
