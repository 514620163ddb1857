import Kernel

/// A moment as pages show it: RFC 3339 for programs, `15 Nov 2026, 20:30 UTC` for people.
struct ShownTime {
    let machine: String
    let text: String

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    init(_ time: Timestamp) {
        let stamp = Array(time.rfc3339.utf8)
        func part(_ range: Range<Int>) -> String { String(decoding: stamp[range], as: UTF8.self) }
        let month = Int(stamp[5] - 48) * 10 + Int(stamp[6] - 48)
        let day = Int(stamp[8] - 48) * 10 + Int(stamp[9] - 48)
        machine = time.rfc3339
        text = "\(day) \(Self.months[month - 1]) \(part(0..<4)), \(part(11..<16)) UTC"
    }
}

/// An amount as pages show it, its code apart from its digits so that columns align.
struct ShownAmount {
    /// Exact decimal text such as `12.50`.
    let decimal: String
    /// The asset's code, such as `USDC`.
    let code: String

    init(_ amount: Amount) {
        decimal = amount.decimal
        code = amount.asset.code
    }
}

/// A state as pages show it: the word, and a tone that the style sheet colours.
///
/// The word is always there: the colour alone says nothing to some readers.
struct StatusChip {
    /// The state with spaces for underscores.
    let text: String
    /// `good`, `busy`, `warn`, `bad` or `neutral`: a class of `till.css`.
    let tone: String

    init(_ status: String) {
        text = status.split(separator: "_").joined(separator: " ")
        tone =
            switch status {
            case "completed", "active", "confirmed": "good"
            case "pending", "verified", "settling", "queued", "sent": "busy"
            case "unknown", "partially_refunded", "sold_out", "out_of_stock": "warn"
            case "failed", "expired": "bad"
            default: "neutral"
            }
    }
}
