import GRDB
import Kernel
import Ledger
import Storage
import Testing

@Suite struct FeeScheduleTests {
    /// One line of a table: share in basis points, fixed part, the asset and units of a sale, the fee.
    struct Case: Sendable, CustomTestStringConvertible {
        let basisPoints: Int64
        let fixed: Amount
        let gross: Amount
        let fee: Int64
        var testDescription: String { "\(basisPoints) bp and \(fixed.decimal) \(fixed.asset.code) of \(gross.decimal) \(gross.asset.code)" }

        /// Columns are parted by spaces, so that a table stays aligned as text.
        static func table(_ text: String) -> [Case] {
            text.split(separator: "\n").map { line in
                let columns: [String] = line.split(separator: " ").map { String($0) }
                guard columns.count == 6, let points = Int64(columns[0]), let fixed = Int64(columns[1]), let fixedAsset = Asset.named(columns[2]),
                    let gross = Int64(columns[3]), let grossAsset = Asset.named(columns[4]), let fee = Int64(columns[5])
                else { preconditionFailure("no case: \(line)") }
                return Case(basisPoints: points, fixed: Amount(fixed, fixedAsset), gross: Amount(gross, grossAsset), fee: fee)
            }
        }
    }

    static let cases: [Case] = Case.table(
        """
        0      0       USD   1000000              USDC  0
        250    0       USD   1500000              USDC  37500
        250    0       USD   0                    USDC  0
        10000  0       USD   1500000              USDC  1500000
        10000  0       USD   9223372036854775807  USDC  9223372036854775807
        5000   0       USD   1                    USDC  1
        4999   0       USD   1                    USDC  0
        5000   0       USD   3                    USDC  2
        1      0       USD   4999                 USDC  0
        1      0       USD   5000                 USDC  1
        1      0       USD   14999                USDC  1
        1      0       USD   15000                USDC  2
        0      30      USD   1000000              USDC  300000
        250    30      USD   1000000              USDC  325000
        250    30      USD   100                  USD   33
        0      30      USD   100000               USDC  100000
        0      30      USD   0                    USDC  0
        10000  30      USD   1000000              USDC  1000000
        10000  30      USD   9223372036854775807  USDC  9223372036854775807
        250    30      USD   1000000              EURC  25000
        250    30      EUR   1000000              EURC  325000
        250    300000  USDC  100                  USD   33
        250    300001  USDC  100                  USD   3
        """)

    @Test("half a unit rounds up, never more than the sale, fixed only at par", arguments: cases)
    func fee(_ line: Case) {
        let schedule = FeeSchedule(basisPoints: line.basisPoints, fixed: line.fixed)
        #expect(schedule.fee(on: line.gross) == Amount(line.fee, line.gross.asset))
    }

    let ledger: LedgerFixture

    init() throws { ledger = try LedgerFixture() }

    private func enact(_ basisPoints: Int64, _ fixed: Amount) async throws -> FeeSchedule {
        let now = ledger.world.time.now()
        return try await ledger.store.write { db in
            try FeeSchedule(basisPoints: basisPoints, fixed: fixed).enact(at: now, in: db)
            return try FeeSchedule.current(in: db)
        }
    }

    @Test func `before any schedule nothing is charged`() async throws {
        let current: FeeSchedule = try await ledger.store.read { db in try FeeSchedule.current(in: db) }
        #expect(current == FeeSchedule(basisPoints: 0, fixed: Amount(0, .usd)))
        #expect(current.fee(on: Amount(1_000_000, .usdc)) == Amount(0, .usdc))
    }

    @Test func `a schedule is enacted only where it says something new`() async throws {
        let free = try await enact(0, Amount(0, .usd))
        let first = try await enact(250, Amount(30, .usd))
        let same = try await enact(250, Amount(30, .usd))
        let share = try await enact(300, Amount(30, .usd))
        let euros = try await enact(300, Amount(30, .eur))
        let back = try await enact(250, Amount(30, .usd))
        #expect([free, first, same, share, euros, back].map(\.version) == [1, 2, 2, 3, 4, 5])
        #expect(first == same)
        #expect(back.basisPoints == 250 && back.fixed == Amount(30, .usd) && back.rounding == .halfUp)
    }
}
