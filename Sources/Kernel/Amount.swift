/// A quantity of one asset, counted in the asset's smallest ledger unit.
///
/// `Amount(1_500_000, .usdc)` is 1.50 USDC, since USDC has 6 decimal places.
/// Amounts of different assets never add: doing so is a programmer error and
/// traps. Sums that leave `Int64` throw, since their size can come from outside.
package struct Amount: Sendable, Hashable {
    package let units: Int64
    package let asset: Asset

    package init(_ units: Int64, _ asset: Asset) {
        self.units = units
        self.asset = asset
    }

    /// The largest amount a request may name: 10¹⁵ ledger units, a billion USDC.
    ///
    /// Nine thousand of them still add up inside `Int64`, so no sum a single
    /// request makes can overflow.
    package static let unitsMax: Int64 = 1_000_000_000_000_000

    /// Reads exact decimal text such as `12.50`: digits, at most one point, no
    /// sign, no exponent, no more places than the asset has.
    ///
    /// - Throws: `Problem` with `invalid_amount`, naming `param`.
    package init(decimal text: String, _ asset: Asset, param: String) throws {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let digits = { (part: Substring.UTF8View) in !part.isEmpty && part.allSatisfy { (0x30...0x39).contains($0) } }
        guard text.utf8.count <= 32, (1...2).contains(parts.count), parts.allSatisfy(digits) else {
            throw Problem(.invalidAmount, "\(param) must be decimal digits with at most one point, such as 12.50.", param: param)
        }
        let fraction = parts.count == 2 ? parts[1].count : 0
        guard fraction <= asset.scale else {
            throw Problem(.invalidAmount, "\(asset.code) has \(asset.scale) decimal places; \(param) has \(fraction).", param: param)
        }
        var units: Int64 = 0
        for digit in parts.joined() {
            units = units * 10 + Int64(digit - 0x30)
            if units > Self.unitsMax { throw Self.tooLarge(param) }
        }
        for _ in fraction..<asset.scale {
            units *= 10
            if units > Self.unitsMax { throw Self.tooLarge(param) }
        }
        self.init(units, asset)
    }

    private static func tooLarge(_ param: String) -> Problem {
        Problem(.invalidAmount, "\(param) is larger than any amount Till handles.", param: param)
    }

    /// Exact decimal text: at least two places where the asset has them, no
    /// trailing zeros after those. `5.00`, `0.000001`, `-3.50`.
    package var decimal: String {
        var digits = Array(String(units.magnitude).utf8)
        if digits.count <= asset.scale { digits.insert(contentsOf: repeatElement(0x30, count: asset.scale + 1 - digits.count), at: 0) }
        let whole = digits.prefix(digits.count - asset.scale)
        var fraction = digits.suffix(asset.scale)
        while fraction.count > 2, fraction.last == 0x30 { fraction.removeLast() }
        let text = String(decoding: whole, as: UTF8.self) + (fraction.isEmpty ? "" : "." + String(decoding: fraction, as: UTF8.self))
        return units < 0 ? "-" + text : text
    }

    /// Whole cents, or nil where the amount is not a whole number of them.
    package var cents: Int64? {
        guard asset.scale >= 2 else { return nil }
        let unit = Asset.power(asset.scale - 2)
        return units.isMultiple(of: unit) ? units / unit : nil
    }

    /// - Throws: `AmountOverflow` when the sum leaves `Int64`.
    package static func + (a: Self, b: Self) throws -> Self {
        precondition(a.asset == b.asset, "adding \(a.asset.code) to \(b.asset.code)")
        let (sum, overflow) = a.units.addingReportingOverflow(b.units)
        if overflow { throw AmountOverflow() }
        return Self(sum, a.asset)
    }

    /// - Throws: `AmountOverflow` when the difference leaves `Int64`.
    package static func - (a: Self, b: Self) throws -> Self { try a + (-b) }

    package static prefix func - (a: Self) -> Self { Self(-a.units, a.asset) }

    /// The same worth in an asset pegged to this one: 12.50 USD is 12.50 USDC.
    ///
    /// - Returns: nil where `asset` is not at par with this one, or is too coarse
    ///   to carry the amount exactly.
    package func atPar(in asset: Asset) -> Amount? {
        guard self.asset.currency == asset.currency else { return nil }
        if asset.scale >= self.asset.scale {
            let (scaled, overflow) = units.multipliedReportingOverflow(by: Asset.power(asset.scale - self.asset.scale))
            return overflow ? nil : Amount(scaled, asset)
        }
        let step = Asset.power(self.asset.scale - asset.scale)
        return units.isMultiple(of: step) ? Amount(units / step, asset) : nil
    }
}

/// A sum of amounts left `Int64`. Nothing was changed.
package struct AmountOverflow: Error, Sendable {}

/// What an amount is counted in: a currency or a token.
package struct Asset: Sendable, Hashable {
    /// `USD`, `USDC`. Unique.
    package let code: String
    /// Decimal places of the ledger unit, at most 9: one USDC is 10⁶ units.
    package let scale: Int
    /// The currency it stands for at par, or its own code. USDC and USD: `USD`.
    package let currency: String

    package static let usd = Asset(code: "USD", scale: 2, currency: "USD")
    package static let eur = Asset(code: "EUR", scale: 2, currency: "EUR")
    package static let usdc = Asset(code: "USDC", scale: 6, currency: "USD")
    package static let eurc = Asset(code: "EURC", scale: 6, currency: "EUR")

    /// Every asset Till counts in. One table: prices, ledger and pages read it.
    package static let all = [usd, eur, usdc, eurc]

    /// The asset called `code`, or nil where Till does not know it.
    package static func named(_ code: String) -> Asset? { all.first { $0.code == code } }

    /// 10ⁿ, for n from 0 to 18.
    package static func power(_ n: Int) -> Int64 { (0..<n).reduce(1) { power, _ in power * 10 } }
}

extension Problem.Code {
    package static let invalidAmount = Self("invalid_amount", .invalid, "The amount cannot be used")
}
