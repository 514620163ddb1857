import GRDB
import Kernel
import Storage

/// What the platform keeps of a sale: a share in basis points and a fixed part.
///
/// Schedules are numbered and never change; a sale names the one it was charged
/// under, so that its fee can be computed again.
package struct FeeSchedule: Sendable, Equatable {
    /// How a share that is not a whole ledger unit is rounded. Stored with the schedule.
    package enum Rounding: String, Sendable { case halfUp = "half_up" }

    /// 0 where it is not stored yet.
    package let version: Int64
    /// Hundredths of a percent, 0 to 10 000.
    package let basisPoints: Int64
    /// In the currency that the sale's asset stands for.
    package let fixed: Amount
    package let rounding: Rounding

    package init(version: Int64 = 0, basisPoints: Int64, fixed: Amount, rounding: Rounding = .halfUp) {
        precondition((0...10_000).contains(basisPoints) && fixed.units >= 0, "a fee is no discount")
        self.version = version
        self.basisPoints = basisPoints
        self.fixed = fixed
        self.rounding = rounding
    }

    /// The fee on `gross`, in its asset: never more than `gross` itself.
    ///
    /// The fixed part counts where the asset stands for the schedule's currency;
    /// elsewhere there is no rate to turn it with, and the share alone counts.
    package func fee(on gross: Amount) -> Amount {
        precondition(gross.units >= 0, "a fee is taken of money that came in")
        let product = gross.units.multipliedFullWidth(by: basisPoints)
        let (whole, rest) = Int64(10_000).dividingFullWidth(product)
        let share = whole + (rest >= 5_000 ? 1 : 0)
        let flat = fixed.atPar(in: gross.asset)?.units ?? 0
        let (sum, overflow) = share.addingReportingOverflow(flat)
        return Amount(overflow ? gross.units : min(sum, gross.units), gross.asset)
    }

    /// The schedule in force: the newest.
    package static func current(in db: Database) throws -> FeeSchedule {
        guard let row = try db.row("SELECT version, basis_points, fixed_units, currency, rounding FROM fee_schedules ORDER BY version DESC LIMIT 1")
        else { return FeeSchedule(basisPoints: 0, fixed: Amount(0, .usd)) }
        return FeeSchedule(
            version: row[0], basisPoints: row[1],
            fixed: Amount(row[2], Asset.named(row[3]) ?? .usd),
            rounding: Rounding(rawValue: row[4]) ?? .halfUp)
    }

    /// Puts this schedule in force unless the one in force says the same.
    package func enact(at time: Timestamp, in db: Database) throws {
        let current = try Self.current(in: db)
        if current.version > 0, current.basisPoints == basisPoints, current.fixed == fixed, current.rounding == rounding { return }
        try db.run(
            "INSERT INTO fee_schedules (basis_points, fixed_units, currency, rounding, created_at) VALUES (?, ?, ?, ?, ?)",
            [basisPoints, fixed.units, fixed.asset.code, rounding.rawValue, time.milliseconds])
    }
}
