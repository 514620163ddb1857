import GRDB
import HTTPTypes
import Kernel
import Payments
import Storage

/// The QR route's parameters.
enum QRDocument {
    static let parameters: [Route.Parameter] = [
        .query("token", "The link's token", Schema.text, isRequired: true),
        .query("size", "Width and height in pixels", ["type": "integer", "minimum": 50, "maximum": 1000, "default": 240]),
        .query("format", "The image's format", ["type": "string", "enum": ["svg", "png"], "default": "svg"]),
    ]
}

extension Counter {
    /// The QR code of a link's URL, as an image.
    func qr(_ call: Call) async throws -> Reply {
        try call.query.allow(["token", "size", "format"])
        let size = try call.query.integer("size", QRCode.sizes) ?? 240
        let format = call.query["format"] ?? "svg"
        guard format == "svg" || format == "png" else { throw Problem(.invalidField, "format must be svg or png.", param: "format") }
        guard let token = call.query["token"] else { throw Problem(.missingField, "token is required.", param: "token") }
        guard try await store.read({ db in try PaymentLink.find(token: token, in: db) }) != nil else {
            throw Problem(.linkNotFound, "There is no payment link with this token.", param: "token")
        }
        let code = try QRCode(text: linkURL(token))
        return format == "svg"
            ? Reply(body: .bytes(Array(code.svg(size: size).utf8), type: "image/svg+xml"))
            : Reply(body: .bytes(code.png(size: size), type: "image/png"))
    }
}
