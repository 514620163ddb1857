import GRDB
import Kernel
import Storage

/// Something a seller sells: a name, a price, and perhaps a stock that ends.
package struct Product: Sendable, Equatable {
    package let id: String
    package let sellerID: String
    package let livemode: Bool
    package var name: String
    package var description: String?
    package var price: Amount
    /// Units that can still be sold, those reserved included; nil is without end.
    package var stock: Int64?
    /// Units held for payments under way.
    package let reserved: Int64
    /// Units sold.
    package let sold: Int64
    /// Text delivered to the buyer: a code, a link, a thank-you.
    package var content: String?
    package var active: Bool
    package var metadata: JSON
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: String, sellerID: String, livemode: Bool, name: String, description: String?, price: Amount, stock: Int64?, content: String?,
        active: Bool = true, metadata: JSON = .object([]), createdAt: Timestamp
    ) {
        self.id = id
        self.sellerID = sellerID
        self.livemode = livemode
        self.name = name
        self.description = description
        self.price = price
        self.stock = stock
        reserved = 0
        sold = 0
        self.content = content
        self.active = active
        self.metadata = metadata
        self.createdAt = createdAt
        updatedAt = createdAt
    }
}

extension Product {
    /// Takes `quantity` units off the shelf for a payment under way, in one statement.
    ///
    /// - Throws: `Problem` with `out_of_stock`; nothing is changed then.
    package static func reserve(_ quantity: Int64, of id: String, in db: Database) throws {
        let reserved = try db.moved(
            "UPDATE products SET reserved = reserved + ? WHERE id = ? AND active = 1 AND (stock IS NULL OR stock - reserved >= ?)",
            [quantity, id, quantity])
        guard reserved else { throw soldOut }
    }

    /// Whether `quantity` units could be reserved now. Reserves nothing: a look, before any work is done.
    ///
    /// - Throws: `Problem` with `out_of_stock`.
    package static func check(_ quantity: Int64, of id: String, in db: Database) throws {
        let found = try db.row("SELECT 1 FROM products WHERE id = ? AND active = 1 AND (stock IS NULL OR stock - reserved >= ?)", [id, quantity])
        guard found != nil else { throw soldOut }
    }

    private static let soldOut = Problem(.outOfStock, "This product is sold out. Nothing was charged.")

    /// Turns a reservation into a sale.
    package static func sell(_ quantity: Int64, of id: String, in db: Database) throws {
        let sold = try db.moved(
            "UPDATE products SET reserved = reserved - ?, stock = stock - ?, sold = sold + ? WHERE id = ? AND reserved >= ?",
            [quantity, quantity, quantity, id, quantity])
        precondition(sold, "what is sold was reserved before")
    }

    /// Puts reserved units back on the shelf.
    package static func release(_ quantity: Int64, of id: String, in db: Database) throws {
        let released = try db.moved("UPDATE products SET reserved = reserved - ? WHERE id = ? AND reserved >= ?", [quantity, id, quantity])
        precondition(released, "what is released was reserved before")
    }

    package func insert(in db: Database) throws {
        try db.run(
            """
            INSERT INTO products (id, seller_id, livemode, name, description, price_units, price_asset, stock, content, active, metadata,
              created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, sellerID, livemode, name, description, price.units, price.asset.code, stock, content, active, metadata.compact,
                createdAt.milliseconds, updatedAt.milliseconds,
            ])
    }

    /// Writes what a seller may change: all but the counters.
    ///
    /// - Throws: `Problem` with `invalid_field` where the stock would fall below what is reserved.
    package func update(at time: Timestamp, in db: Database) throws {
        let updated = try db.moved(
            """
            UPDATE products SET name = ?, description = ?, price_units = ?, price_asset = ?, stock = ?, content = ?, active = ?, metadata = ?,
              updated_at = ? WHERE id = ? AND (? IS NULL OR ? >= reserved)
            """,
            [
                name, description, price.units, price.asset.code, stock, content, active, metadata.compact, time.milliseconds, id, stock, stock,
            ])
        guard updated else {
            throw Problem(.invalidField, "stock must not be below the units held for payments under way (\(reserved)).", param: "stock")
        }
    }

    private static let byIDSQL = "SELECT " + columns + " FROM products WHERE id = ? AND seller_id = ? AND livemode = ?"

    /// - Throws: `Problem` with `product_not_found`, for another seller's or mode's product too.
    package static func find(_ id: String, sellerID: String, livemode: Bool, in db: Database) throws -> Product {
        let row = try db.row(byIDSQL, [id, sellerID, livemode])
        guard let product = row.flatMap(Product.init(row:)) else { throw Problem(.productNotFound, "No product has the id \(id).") }
        return product
    }

    /// The seller's products, newest first.
    package static func list(sellerID: String, livemode: Bool, page: PageRequest, in db: Database) throws -> Page<Product> {
        let rows = try db.rows(
            "SELECT " + columns + " FROM products WHERE seller_id = ? AND livemode = ? AND id < ? ORDER BY id DESC LIMIT ?",
            [sellerID, livemode, page.before, page.limit + 1])
        return Page(rows.compactMap(Product.init(row:)), limit: page.limit, id: \.id)
    }

    /// What every product counts, for the audit.
    package static func counters(in db: Database) throws -> [(id: String, reserved: Int64, sold: Int64)] {
        try Row.fetchAll(db, sql: "SELECT id, reserved, sold FROM products").map { ($0[0], $0[1], $0[2]) }
    }

    private static let columns = """
        id, seller_id, livemode, name, description, price_units, price_asset, stock, reserved, sold, content, active, metadata, created_at, updated_at
        """

    private init?(row: Row) {
        var columns = Columns(row)
        id = columns.next()
        sellerID = columns.next()
        livemode = columns.next()
        name = columns.next()
        description = columns.next()
        let units: Int64 = columns.next()
        guard let asset = Asset.named(columns.next()) else { return nil }
        price = Amount(units, asset)
        stock = columns.next()
        reserved = columns.next()
        sold = columns.next()
        content = columns.next()
        active = columns.next()
        guard let metadata = try? JSON.read(columns.next() as String) else { return nil }
        self.metadata = metadata
        createdAt = columns.next()
        updatedAt = columns.next()
    }
}

extension Problem.Code {
    package static let productNotFound = Self("product_not_found", .notFound, "There is no such product")
    package static let outOfStock = Self("out_of_stock", .conflict, "The product is sold out")
}
