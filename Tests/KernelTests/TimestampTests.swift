import Kernel
import Testing

@Suite struct TimestampTests {
    /// Counts days as a calendar on the wall does: month by month, with the leap rule of 1582.
    @Test func `every day from 1896 to 2104 is written and read back`() {
        let lengths: [Int] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let timeOfDay: Int64 = 45_296_789  // 12:34:56.789
        var day: Int64 = -27_028  // 1896-01-01
        var wrong: [String] = []
        for year in 1896...2104 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for month in 1...12 {
                let length = month == 2 && isLeap ? 29 : lengths[month - 1]
                let start = "\(year)-" + (month < 10 ? "0\(month)-" : "\(month)-")
                for date in 1...length {
                    let text = start + (date < 10 ? "0\(date)" : "\(date)") + "T12:34:56.789Z"
                    let time = Timestamp(milliseconds: day * 86_400_000 + timeOfDay)
                    if time.rfc3339 != text || Timestamp(rfc3339: text) != time { wrong.append(text) }
                    day += 1
                }
            }
        }
        #expect(wrong == [])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let milliseconds: Int64
        var testDescription: String { text }
        init(_ text: String, _ milliseconds: Int64) {
            self.text = text
            self.milliseconds = milliseconds
        }
    }

    static let exact: [Case] = [
        Case("0001-01-01T00:00:00.000Z", -62_135_596_800_000),
        Case("1600-02-29T00:00:00.000Z", -11_670_998_400_000),
        Case("1900-03-01T00:00:00.000Z", -2_203_891_200_000),
        Case("1969-12-31T23:59:59.999Z", -1),
        Case("1970-01-01T00:00:00.000Z", 0),
        Case("2000-02-29T12:00:00.000Z", 951_825_600_000),
        Case("2024-02-29T23:59:59.000Z", 1_709_251_199_000),
        Case("2026-11-15T20:30:00.000Z", 1_794_774_600_000),
        Case("2400-02-29T00:00:00.000Z", 13_574_563_200_000),
        Case("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ]

    @Test("known moments", arguments: exact)
    func known(_ line: Case) {
        #expect(Timestamp(milliseconds: line.milliseconds).rfc3339 == line.text)
        #expect(Timestamp(rfc3339: line.text)?.milliseconds == line.milliseconds)
    }

    static let fractions: [Case] = [
        Case("1970-01-01T00:00:00Z", 0),
        Case("1970-01-01T00:00:00.5Z", 500),
        Case("1970-01-01T00:00:00.05Z", 50),
        Case("1970-01-01T00:00:00.123Z", 123),
        Case("1970-01-01T00:00:00.1239Z", 123),
        Case("1970-01-01T00:00:00.123456789Z", 123),
        Case("1970-01-01T00:00:00.000999999Z", 0),
    ]

    @Test("up to nine places of a second; what is finer than a millisecond is cut off", arguments: fractions)
    func fraction(_ line: Case) { #expect(Timestamp(rfc3339: line.text)?.milliseconds == line.milliseconds) }

    static let refused: [String] = [
        "", "2026-11-15", "2026-11-15T20:30:00", "2026-11-15T20:30Z", "2026-11-15T20:30:00+00:00", "2026-11-15T20:30:00.Z",
        "2026-11-15T20:30:00,5Z", "2026-11-15T20:30:00.1234567890Z", "2026-11-15T20:30:00.1x3Z", "2026-11-15 20:30:00Z", "2026-11-15t20:30:00Z",
        "2026-11-15T20:30:00z", "20261115T203000.000Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-11-15T24:00:00Z",
        "2026-11-15T20:60:00Z", "2016-12-31T23:59:60Z", "-026-11-15T20:30:00Z", "2026-1 -15T20:30:00Z", " 2026-11-15T20:30:00Z",
        "2026-11-15T20:30:00ZZ", "２０２６-11-15T20:30:00Z", "1794774600000",
    ]

    @Test("anything else is refused", arguments: refused)
    func refuses(_ text: String) { #expect(Timestamp(rfc3339: text) == nil) }

    @Test func `whole seconds are counted downwards, before 1970 too`() {
        #expect(Timestamp(milliseconds: 1_999).seconds == 1)
        #expect(Timestamp(milliseconds: 0).seconds == 0)
        #expect(Timestamp(milliseconds: -1).seconds == -1)
        #expect(Timestamp(milliseconds: -1_000).seconds == -1)
        #expect(Timestamp(milliseconds: -1_001).seconds == -2)
    }

    @Test func `durations move it both ways`() {
        let time = Timestamp(milliseconds: 10_000)
        #expect(time + Duration.milliseconds(1_500) == Timestamp(milliseconds: 11_500))
        #expect(time - Duration.milliseconds(1_500) == Timestamp(milliseconds: 8_500))
        #expect(time - Duration.seconds(20) == Timestamp(milliseconds: -10_000))
        #expect(time + Duration.microseconds(999) == time)
        #expect(time < time + Duration.milliseconds(1))
    }
}
