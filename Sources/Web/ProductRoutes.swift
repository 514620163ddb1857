import Access
import Goods
import GRDB
import Kernel
import Storage

/// A product on the wire.
enum ProductDocument {
    private static let writable: [(String, JSON)] = [
        ("name", Schema.text(1...200)), ("description", Schema.nullable(Schema.text(0...5000))), ("price", Schema.amount),
        ("stock", Schema.nullable(Schema.integer(0...1_000_000_000))), ("content", Schema.nullable(Schema.text(0...10000))),
        ("metadata", Schema.metadata),
    ]
    static let draft = Schema.request(writable, required: ["name", "price"])
    static let change = Schema.request(writable + [("active", Schema.flag)])
    static let schema = Schema.object([
        ("id", Schema.id("prod")), ("livemode", Schema.flag), ("name", Schema.text), ("description", Schema.nullable(Schema.text)),
        ("price", Schema.amount), ("stock", Schema.nullable(Schema.integer)), ("reserved", Schema.integer), ("sold", Schema.integer),
        ("content", Schema.nullable(Schema.text)), ("active", Schema.flag), ("metadata", Schema.metadata), ("created_at", Schema.time),
        ("updated_at", Schema.time),
    ])

    static func json(_ product: Product) -> JSON {
        [
            "id": .string(product.id), "livemode": .bool(product.livemode), "name": .string(product.name),
            "description": .text(product.description), "price": product.price.json, "stock": product.stock.map { .integer($0) } ?? .null,
            "reserved": .integer(product.reserved), "sold": .integer(product.sold), "content": .text(product.content),
            "active": .bool(product.active), "metadata": product.metadata, "created_at": .time(product.createdAt),
            "updated_at": .time(product.updatedAt),
        ]
    }

    /// Reads what a request says over what stands: an explicit null empties a field.
    static func apply(_ fields: inout Fields, to product: inout Product) throws {
        if let name = try fields.text("name", 1...200) { product.name = name }
        if let price = try price(&fields) { product.price = price }
        if fields.has("description") { product.description = try fields.text("description", 0...5000, lines: true) }
        if fields.has("content") { product.content = try fields.text("content", 0...10_000, lines: true) }
        if fields.has("stock") { product.stock = try fields.integer("stock", 0...1_000_000_000) }
        if let metadata = try fields.metadata("metadata") { product.metadata = metadata }
    }

    static func price(_ fields: inout Fields) throws -> Amount? {
        guard let price = try fields.amount("price") else { return nil }
        guard price.units > 0 else { throw Problem(.invalidAmount, "price.amount must be more than zero.", param: "price.amount") }
        return price
    }
}

extension Counter {
    func createProduct(_ call: Call) async throws -> Reply {
        var fields = try call.fields()
        let (name, price) = (try fields.text("name", 1...200), try ProductDocument.price(&fields))
        let (asker, world) = (call.asker, world)
        var draft = Product(
            id: world.newID(.product), sellerID: asker.sellerID, livemode: asker.livemode, name: name ?? "", description: nil,
            price: price ?? Amount(1, .usd), stock: nil, content: nil, createdAt: world.time.now())
        try ProductDocument.apply(&fields, to: &draft)
        // Unknown fields first: a name that is missing is most often one that is misspelt.
        try fields.finish()
        if name == nil { throw fields.missing("name") }
        if price == nil { throw fields.missing("price") }
        let product = draft
        return try await once(call) { db in
            try product.insert(in: db)
            try AuditLog.record("product.created", of: product.id, by: asker.actor, at: product.createdAt, in: db)
            return ProductDocument.json(product)
        }
    }

    func listProducts(_ call: Call) async throws -> Reply {
        try call.query.allow(["limit", "cursor"])
        let (asker, page) = (call.asker, try call.query.page(of: .product))
        let products = try await store.read { db in try Product.list(sellerID: asker.sellerID, livemode: asker.livemode, page: page, in: db) }
        return .page(products, ProductDocument.json)
    }

    func showProduct(_ call: Call) async throws -> Reply {
        let (asker, id) = (call.asker, call.part("id"))
        let product = try await store.read { db in try Product.find(id, sellerID: asker.sellerID, livemode: asker.livemode, in: db) }
        return .json(ProductDocument.json(product))
    }

    func changeProduct(_ call: Call) async throws -> Reply {
        let (asker, id, world) = (call.asker, call.part("id"), world)
        let json = try call.fields()
        let product = try await store.write { db in
            var product = try Product.find(id, sellerID: asker.sellerID, livemode: asker.livemode, in: db)
            var fields = json
            try ProductDocument.apply(&fields, to: &product)
            if let active = try fields.flag("active") { product.active = active }
            try fields.finish()
            let now = world.time.now()
            try product.update(at: now, in: db)
            try AuditLog.record("product.changed", of: id, by: asker.actor, at: now, in: db)
            return try Product.find(id, sellerID: asker.sellerID, livemode: asker.livemode, in: db)
        }
        return .json(ProductDocument.json(product))
    }
}
