import Kernel
import Simulation
import Testing

@Suite struct AmountTests {
    /// One line of a table: a decimal text, its asset, the same in ledger units.
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let asset: Asset
        let units: Int64
        var testDescription: String { "\(text) \(asset.code)" }

        /// Columns are parted by spaces, so that a table stays aligned as text.
        static func table(_ text: String) -> [Case] {
            text.split(separator: "\n").map { line in
                let columns: [String] = line.split(separator: " ").map { String($0) }
                guard columns.count == 3, let asset = Asset.named(columns[1]), let units = Int64(columns[2]) else {
                    preconditionFailure("no case: \(line)")
                }
                return Case(text: columns[0], asset: asset, units: units)
            }
        }
    }

    static let read: [Case] = Case.table(
        """
        0                  USD                   0
        0.00               USD                   0
        0.01               USD                   1
        0.1                USD                  10
        12                 USD                1200
        12.5               EUR                1250
        12.50              EUR                1250
        007.00             USD                 700
        0                  USDC                  0
        0.000001           USDC                  1
        0.1                EURC             100000
        12.50              USDC           12500000
        12.345678          USDC           12345678
        999999999.999999   USDC    999999999999999
        1000000000         USDC   1000000000000000
        10000000000000.00  USD    1000000000000000
        """)

    static let written: [Case] = Case.table(
        """
        0.00                   USD                      0
        0.05                   USD                      5
        0.50                   EUR                     50
        -3.50                  EUR                   -350
        12.00                  USD                   1200
        0.00                   USDC                     0
        0.000001               USDC                     1
        -0.000001              USDC                    -1
        0.10                   USDC                100000
        0.123                  USDC                123000
        5.00                   USDC               5000000
        5.000001               EURC               5000001
        -3.50                  EURC              -3500000
        9223372036854.775807   USDC   9223372036854775807
        -9223372036854.775808  USDC  -9223372036854775808
        """)

    @Test("decimal text is read exactly", arguments: read)
    func reads(_ line: Case) throws {
        #expect(try Amount(decimal: line.text, line.asset, param: "price") == Amount(line.units, line.asset))
    }

    @Test("is written with two places or as many as it takes", arguments: written)
    func writes(_ line: Case) { #expect(Amount(line.units, line.asset).decimal == line.text) }

    static let refused: [String] = [
        "", " ", ".", "1.", ".5", "1.2.3", "1..2", "-1", "+1", "1e3", "1E3", "0x10", "1,50", "1 000", " 1", "1 ", "1\n", "1\0", "１", "٣", "½", "∞",
        "NaN", "1.123", "1.001", "10000000000000.01", "99999999999999999999999999999999", "000000000000000000000000000000001", "1_000", "$1",
    ]

    @Test("any other text is refused, naming the field", arguments: refused)
    func refuses(_ text: String) {
        let problem = #expect(throws: Problem.self) { try Amount(decimal: text, .usd, param: "price.amount") }
        #expect(problem?.code == .invalidAmount)
        #expect(problem?.param == "price.amount")
    }

    @Test func `an amount has no more places than its asset`() {
        #expect(throws: Problem.self) { try Amount(decimal: "0.0000001", .usdc, param: "price") }
        #expect(throws: Problem.self) { try Amount(decimal: "1000000000.000001", .usdc, param: "price") }
    }

    @Test func `what is written is read back`() throws {
        let chance = SeededChance(seed: 7)
        var wrong: [Amount] = []
        for round in 0..<2_000 {
            let asset = Asset.all[round % Asset.all.count]
            // Few digits as often as many.
            let bound = Asset.power(1 + round % 15)
            let amount = Amount(Int64(chance.next() % UInt64(bound)), asset)
            if try Amount(decimal: amount.decimal, asset, param: "price") != amount { wrong.append(amount) }
        }
        #expect(wrong == [])
    }

    @Test func `sums are exact, and one that does not fit changes nothing`() throws {
        #expect(try Amount(2, .usd) + Amount(3, .usd) == Amount(5, .usd))
        #expect(try Amount(2, .usd) - Amount(3, .usd) == Amount(-1, .usd))
        #expect(try Amount(.max, .usd) - Amount(.max, .usd) == Amount(0, .usd))
        #expect(-Amount(2, .usd) == Amount(-2, .usd))
        #expect(throws: AmountOverflow.self) { try Amount(.max, .usd) + Amount(1, .usd) }
        #expect(throws: AmountOverflow.self) { try Amount(.min, .usd) - Amount(1, .usd) }
    }

    @Test func `nine thousand of the largest amounts still add up`() throws {
        var sum = Amount(0, .usdc)
        for _ in 0..<9_000 { sum = try sum + Amount(Amount.unitsMax, .usdc) }
        #expect(sum.units == 9_000 * Amount.unitsMax)
    }

    struct Conversion: Sendable, CustomTestStringConvertible {
        let from: Amount
        let asset: Asset
        let units: Int64?
        var testDescription: String { "\(from.decimal) \(from.asset.code) in \(asset.code)" }
        init(_ from: Amount, _ asset: Asset, _ units: Int64?) {
            self.from = from
            self.asset = asset
            self.units = units
        }
    }

    static let conversions: [Conversion] = [
        Conversion(Amount(1_250, .usd), .usdc, 12_500_000),
        Conversion(Amount(12_500_000, .usdc), .usd, 1_250),
        Conversion(Amount(1_250, .usd), .usd, 1_250),
        Conversion(Amount(-1, .eur), .eurc, -10_000),
        Conversion(Amount(-10_000, .eurc), .eur, -1),
        Conversion(Amount(0, .usdc), .usd, 0),
        // Too fine for cents, another currency, too large.
        Conversion(Amount(1, .usdc), .usd, nil),
        Conversion(Amount(9_999, .usdc), .usd, nil),
        Conversion(Amount(1_250, .usd), .eur, nil),
        Conversion(Amount(1_250, .usd), .eurc, nil),
        Conversion(Amount(.max, .usd), .usdc, nil),
        Conversion(Amount(.min, .eur), .eurc, nil),
    ]

    @Test("at par, exactly or not at all", arguments: conversions)
    func parity(_ line: Conversion) {
        let expected: Amount? = line.units.map { Amount($0, line.asset) }
        #expect(line.from.atPar(in: line.asset) == expected)
    }

    @Test func `cents are whole or none`() {
        #expect(Amount(1_250, .usd).cents == 1_250)
        #expect(Amount(12_500_000, .usdc).cents == 1_250)
        #expect(Amount(-10_000, .usdc).cents == -1)
        #expect(Amount(12_500_001, .usdc).cents == nil)
    }

    @Test func `assets are told apart by code and none is too fine`() {
        #expect(Set(Asset.all.map(\.code)).count == Asset.all.count)
        for asset in Asset.all {
            #expect(Asset.named(asset.code) == asset)
            #expect((0...9).contains(asset.scale))
        }
        #expect(Asset.named("usd") == nil)
        #expect(Asset.power(0) == 1)
        #expect(Asset.power(18) == 1_000_000_000_000_000_000)
    }
}
