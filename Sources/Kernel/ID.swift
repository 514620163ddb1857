import Synchronization

/// The kinds of thing that have an id, by its prefix.
///
/// An id is the prefix, `_`, and a UUIDv7 (RFC 9562) as 26 lower-case Crockford
/// base32 characters: `pay_01k…`. Ids sort by the time they were made.
package enum IDPrefix: String, Sendable, CaseIterable {
    case seller = "sel"
    case apiKey = "key"
    case person = "per"
    case product = "prod"
    case paymentLink = "plink"
    case payment = "pay"
    case settlement = "stl"
    case sale = "sale"
    case ledgerEntry = "le"
    case ledgerAccount = "acct"
    case event = "evt"
    case audit = "aud"
    case request = "req"
    case session = "ses"
}

/// Makes ids that never go back, whatever the clock does.
package final class IDs: Sendable {
    private struct Last { var high: UInt64 = 0, low: UInt64 = 0 }
    private let last = Mutex(Last())

    package init() {}

    /// Makes sure that no id to come is below one issued at `time`.
    ///
    /// Called at start with the newest moment found in the file, so that a clock
    /// set back over a restart does not make ids that sort before old ones.
    package func raise(to time: Timestamp) {
        let floor = UInt64(clamping: time.milliseconds) << 16 | 0x7fff
        last.withLock { if $0.high < floor { $0 = Last(high: floor, low: .max) } }
    }

    /// The next id. `random` supplies ten bytes; within one millisecond, or when
    /// the clock goes back, the last id plus a random step is used instead.
    package func next(_ prefix: IDPrefix, at time: Timestamp, random: [UInt8]) -> String {
        precondition(random.count >= 10)
        let bits = random.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let milliseconds = UInt64(clamping: max(0, time.milliseconds)) & 0xffff_ffff_ffff
        let fresh = Last(
            high: milliseconds << 16 | 0x7000 | UInt64(random[8] & 0x0f) << 8 | UInt64(random[9]),
            low: 0x8000_0000_0000_0000 | bits >> 2)
        let id = last.withLock { last in
            if (fresh.high, fresh.low) > (last.high, last.low) {
                last = fresh
            } else {
                last = Self.step(last, by: (bits & 0xffff_ffff) + 1)
            }
            return last
        }
        return prefix.rawValue + "_" + Self.base32(id.high, id.low)
    }

    /// Adds to the random part, carrying around the version and variant bits.
    private static func step(_ id: Last, by amount: UInt64) -> Last {
        let (low, carry) = (id.low & 0x3fff_ffff_ffff_ffff).addingReportingOverflow(amount)
        let over = carry || low > 0x3fff_ffff_ffff_ffff
        var high = id.high
        if over {
            let next = ((high >> 16) << 12 | (high & 0x0fff)) + 1
            high = (next >> 12) << 16 | 0x7000 | (next & 0x0fff)
        }
        return Last(high: high, low: 0x8000_0000_0000_0000 | (low & 0x3fff_ffff_ffff_ffff))
    }

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    private static func base32(_ high: UInt64, _ low: UInt64) -> String {
        let value = UInt128(high) << 64 | UInt128(low)
        return String(unsafeUninitializedCapacity: 26) { out in
            for place in 0..<26 { out[place] = alphabet[Int(truncatingIfNeeded: value >> UInt128((25 - place) * 5)) & 31] }
            return 26
        }
    }

    /// When an id was made, or nil where `text` is none of ours.
    package static func time(of text: String) -> Timestamp? {
        guard let mark = text.lastIndex(of: "_") else { return nil }
        let body = text[text.index(after: mark)...].utf8
        guard body.count == 26 else { return nil }
        var value: UInt128 = 0
        for byte in body {
            guard let digit = alphabet.firstIndex(of: byte) else { return nil }
            value = value << 5 | UInt128(digit)
        }
        return Timestamp(milliseconds: Int64(truncatingIfNeeded: value >> 80))
    }
}
