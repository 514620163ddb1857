/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Sendable, Hashable, Comparable {
    package let milliseconds: Int64
    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Whole seconds, as EIP-3009 and webhook signatures count them.
    package var seconds: Int64 { milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000 }

    package static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }

    package static func + (a: Self, d: Duration) -> Self {
        let (seconds, attoseconds) = d.components
        return Self(milliseconds: a.milliseconds + seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }

    package static func - (a: Self, d: Duration) -> Self { a + (.zero - d) }

    /// RFC 3339 in UTC with milliseconds: `2026-11-15T20:30:00.000Z`.
    ///
    /// The date follows the proleptic Gregorian calendar, counted in eras of 400
    /// years (146 097 days) so that no table of month lengths is needed.
    package var rfc3339: String {
        let days = Int((milliseconds / 86_400_000) - (milliseconds % 86_400_000 < 0 ? 1 : 0))
        let rest = Int(milliseconds - Int64(days) * 86_400_000)
        let shifted = days + 719_468  // Days since 0000-03-01, where a year ends with February.
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let day = ofYear - (153 * shiftedMonth + 2) / 5 + 1
        return String(unsafeUninitializedCapacity: 24) { out in
            func put(_ value: Int, _ at: Int, _ count: Int) {
                var rest = value
                for place in stride(from: at + count - 1, through: at, by: -1) {
                    out[place] = UInt8(48 + rest % 10)
                    rest /= 10
                }
            }
            put(year, 0, 4)
            out[4] = 45
            put(month, 5, 2)
            out[7] = 45
            put(day, 8, 2)
            out[10] = 84
            put(rest / 3_600_000, 11, 2)
            out[13] = 58
            put(rest / 60_000 % 60, 14, 2)
            out[16] = 58
            put(rest / 1_000 % 60, 17, 2)
            out[19] = 46
            put(rest % 1_000, 20, 3)
            out[23] = 90
            return 24
        }
    }

    /// Reads RFC 3339 in UTC, with `Z` and up to nine places of a second (what
    /// is finer than a millisecond is cut off). Nil for anything else.
    package init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 30, bytes.last == 90 else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].reduce(0 as Int?) { sum, byte in (48...57).contains(byte) ? sum.map { $0 * 10 + Int(byte - 48) } : nil }
        }
        guard bytes[4] == 45, bytes[7] == 45, bytes[10] == 84, bytes[13] == 58, bytes[16] == 58,
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction = 0
        if bytes.count > 20 {
            guard bytes[19] == 46, bytes.count > 21, number(20..<bytes.count - 1) != nil else { return nil }
            for place in 20..<23 { fraction = fraction * 10 + (place < bytes.count - 1 ? Int(bytes[place] - 48) : 0) }
        }
        let y = month <= 2 ? year - 1 : year
        let yearOfEra = y % 400
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = (y / 400) * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + ofYear - 719_468
        self.init(milliseconds: Int64(((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + Int64(fraction))
        // A day that the month does not have comes back as another one.
        guard rfc3339.utf8.prefix(10).elementsEqual(bytes.prefix(10)) else { return nil }
    }
}
