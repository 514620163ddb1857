import Access
import GRDB
import HTTPTypes
import Kernel
import Payments
import Rails
import Storage

/// The pay route's parameters and answers.
enum PayDocument {
    static let parameters: [Route.Parameter] = [
        .query("amount", "The amount, where the link leaves it to the buyer", Schema.text),
        .header("PAYMENT-SIGNATURE", "x402 version 2: the signed payment, base64 of JSON"),
        .header("X-PAYMENT", "x402 version 1: the signed payment, base64 of JSON"),
    ]
    static let statusParameters: [Route.Parameter] = [.query("payment", "The payment's id", Schema.text, isRequired: true)]

    static let paid = Schema.object([
        ("payment_id", Schema.id("pay")), ("sale_id", Schema.id("sale")), ("status", Schema.text), ("livemode", Schema.flag), ("title", Schema.text),
        ("goods", Schema.nullable(Schema.text)), ("amount", Schema.amount), ("network", Schema.text), ("transaction", Schema.text),
        ("payer", Schema.text), ("success_url", Schema.nullable(Schema.text)), ("created_at", Schema.time),
    ])
    static let pending = Schema.object([
        ("payment_id", Schema.nullable(Schema.id("pay"))), ("status", Schema.text), ("transaction", Schema.text), ("detail", Schema.text),
    ])
    static let required = Schema.object([("x402Version", Schema.integer), ("error", Schema.text), ("accepts", Schema.list(of: Schema.anyObject))])
    static let status = Schema.object([("status", Schema.text), ("text", Schema.text), ("done", Schema.flag)])

    static let answers: [Route.Answer] = [
        Route.Answer(status: 200, what: "The goods and the receipt; for browsers, the pay page", content: [("application/json", paid), ("text/html", Schema.text)]),
        .json(202, "Sent, outcome not known yet: ask again with the same payment", pending),
        .json(402, "Terms: version 2 in PAYMENT-REQUIRED, version 1 as the body", required),
    ]
}

extension Counter {
    /// The main job: a link is shown, offered, or paid.
    func pay(_ call: Call) async throws -> Reply {
        let token = call.part("token")
        let chosen = call.query["amount"]
        guard !call.isHead, let header = call.headers[.paymentSignature] ?? call.headers[.v1Payment] else {
            let offer = try await cashier.offer(token, chosen: chosen)
            if call.isBrowser {
                var reply = Reply.html(pages.pay(payPage(offer, chosen: chosen)))
                reply.headers[.paymentRequired] = terms(offer, chosen, "Payment is required").header
                return reply
            }
            return paymentRequired(offer, chosen, "Payment is required")
        }
        let payment: PaymentPayload
        do throws(X402Refusal) {
            payment = try PaymentPayload(header: header)
        } catch {
            return paymentRequired(try await cashier.offer(token, chosen: chosen), chosen, error.reason.rawValue)
        }
        let (offer, receipt) = try await cashier.pay(token, chosen: chosen, with: payment)
        return answer(receipt, to: payment.version, for: offer, chosen: chosen)
    }

    private func answer(_ receipt: Cashier.Receipt, to version: Int, for offer: Offer, chosen: String?) -> Reply {
        switch receipt {
        case .sold(let sale, let settlement):
            var reply = Reply.json(paidDocument(sale, of: offer.link))
            let settled = SettleResponse(
                success: true, payer: settlement.payer, transaction: settlement.hash, network: settlement.network, amount: settlement.atomicAmount)
            reply.headers[version == 1 ? .v1PaymentResponse : .paymentResponse] = settled.header(version: version)
            return reply
        case .pending(let settlement):
            var reply = Reply.json(
                [
                    "payment_id": .text(settlement.paymentID), "status": "settlement_pending", "transaction": .string(settlement.hash),
                    "detail": "The payment was sent and is not confirmed yet. Do not pay again: ask with the same payment.",
                ], status: .accepted)
            reply.headers[version == 1 ? .v1PaymentResponse : .paymentResponse] = settlement.pendingResponse.header(version: version)
            reply.headers[.retryAfter] = "2"
            return reply
        case .refused(let refusal, let settlement):
            let error = refusal.reason == .invalidRequirements ? refusal.message : refusal.reason.rawValue
            var reply = paymentRequired(offer, chosen, error)
            if let settlement {
                let failed = SettleResponse.refused(refusal, network: settlement.network, transaction: settlement.hash)
                reply.headers[version == 1 ? .v1PaymentResponse : .paymentResponse] = failed.header(version: version)
            }
            return reply
        }
    }

    private func paidDocument(_ sale: Sale, of link: PaymentLink) -> JSON {
        [
            "payment_id": .string(sale.paymentID), "sale_id": .string(sale.id), "status": "completed", "livemode": .bool(sale.livemode),
            "title": .string(sale.title), "goods": .text(sale.content), "amount": sale.gross.json, "network": .string(sale.network),
            "transaction": .string(sale.hash), "payer": .string(sale.payer), "success_url": .text(link.successURL),
            "created_at": .time(sale.createdAt),
        ]
    }

    /// One 402 carries both versions of x402.
    private func paymentRequired(_ offer: Offer, _ chosen: String?, _ error: String) -> Reply {
        let terms = terms(offer, chosen, error)
        var reply = Reply.json(terms.v1JSON, status: .init(code: 402))
        reply.headers[.paymentRequired] = terms.header
        return reply
    }

    private func terms(_ offer: Offer, _ chosen: String?, _ error: String) -> PaymentRequired {
        // An open amount is part of the address: the terms are bound to what is paid for.
        var url = linkURL(offer.link.token)
        if case .open = offer.link.price, chosen != nil { url += "?amount=" + offer.price.decimal }
        return PaymentRequired(
            error: error, resource: ResourceInfo(url: url, description: offer.link.title, mimeType: "application/json"), accepts: offer.requirements)
    }

    // MARK: - The page

    /// The page of an offer. A shop whose name cannot be read just now is shown without it.
    private func payPage(_ offer: Offer, chosen: String?, receipt: PayPage.Receipt? = nil) -> PayPage {
        let link = offer.link
        let first = offer.requirements[0]
        var page = PayPage(
            sellerName: (try? store.look { db in try Seller.find(link.sellerID, in: db)?.name }) ?? "", title: link.title, description: link.description, price: nil, amount: nil,
            networkName: networkName(first.network, livemode: link.livemode),
            assetCode: cashier.tenders.first { $0.network == first.network }?.asset.code ?? "", payTo: first.payTo, payURL: linkURL(link.token),
            qrPath: "/api/qr?token=\(link.token)&size=240&format=svg", isTest: !link.livemode)
        switch link.price {
        case .fixed(let amount): page.price = "\(amount.decimal) \(amount.asset.code)"
        case .open(let min, let max):
            page.amount = PayPage.AmountInput(currency: min.asset.code, min: min.decimal, max: max.decimal, value: chosen ?? min.decimal)
        }
        page.accepts = offer.requirements.map { requirement in
            let asset = cashier.tenders.first { $0.network == requirement.network && $0.contract == requirement.asset }?.asset
            return PayPage.Way(
                network: networkName(requirement.network, livemode: link.livemode), asset: asset?.code ?? requirement.asset,
                amount: asset.flatMap { asset in Int64(requirement.amount).map { Amount($0, asset).decimal } } ?? requirement.amount)
        }
        if !link.livemode { page.testWalletAction = "/pay/\(link.token)/test-wallet" }
        page.developerHint = "curl -i \(linkURL(link.token))"
        page.receipt = receipt
        if receipt != nil {
            page.status = Payment.Status.completed.rawValue
            page.statusText = Payment.Status.completed.forBuyers
        }
        return page
    }

    private func networkName(_ network: String, livemode: Bool) -> String {
        let name = EVMNetwork.named(network)?.title ?? network
        return livemode ? name : "Till's sandbox, as \(name)"
    }

    /// Where a payment stands, for the page that waits for it. Tells nothing that the buyer did not have.
    func payStatus(_ call: Call) async throws -> Reply {
        guard let id = call.query["payment"] else { throw Problem(.missingField, "payment is required.", param: "payment") }
        let token = call.part("token")
        let payment = try await store.read { db -> Payment? in
            guard let link = try PaymentLink.find(token: token, in: db), let payment = try Payment.find(id, in: db), payment.linkID == link.id
            else { return nil }
            return payment
        }
        guard let payment else { throw Problem(.paymentNotFound, "This link has no payment with that id.", param: "payment") }
        return .json(["status": .string(payment.status.rawValue), "text": .string(payment.status.forBuyers), "done": .bool(payment.status.isEnd)])
    }

    /// Pays a test link with a wallet made for the occasion: its address has play money, as any has.
    func payWithTestWallet(_ call: Call) async throws -> Reply {
        let token = call.part("token")
        let chosen = try call.form()["amount"]
        let offer = try await cashier.offer(token, chosen: chosen)
        guard !offer.link.livemode else { throw Problem(.notFound, "The test wallet pays test links only.") }
        // 32 random bytes are a key, but for a chance of one in 2¹²⁷.
        let key = try EVMKey(world.chance.bytes(32))
        let payment = try ExactEVM.pay(offer.requirements[0], version: 2, key: key, nonce: world.chance.bytes(32), at: world.time.now())
        let (paid, receipt) = try await cashier.pay(token, chosen: chosen, with: payment)
        return call.wantsHTML ? testWalletPage(receipt, paid, chosen) : testWalletJSON(receipt, token)
    }

    private func testWalletPage(_ receipt: Cashier.Receipt, _ offer: Offer, _ chosen: String?) -> Reply {
        switch receipt {
        case .sold(let sale, _):
            let shown = PayPage.Receipt(
                goods: sale.content, paid: "\(sale.gross.decimal) \(sale.gross.asset.code)", time: ShownTime(sale.createdAt), saleID: sale.id,
                transaction: sale.hash, successURL: offer.link.successURL)
            return .html(pages.pay(payPage(offer, chosen: chosen, receipt: shown)))
        case .pending(let settlement):
            var page = payPage(offer, chosen: chosen)
            page.status = Payment.Status.settling.rawValue
            page.statusText = Payment.Status.settling.forBuyers
            page.statusPath = settlement.paymentID.map { "/pay/\(offer.link.token)/status?payment=\($0)" }
            return .html(pages.pay(page))
        case .refused(let refusal, _):
            return .html(
                pages.notice(title: "The payment was refused", text: refusal.message, status: 402, isTest: true), status: .init(code: 402))
        }
    }

    private func testWalletJSON(_ receipt: Cashier.Receipt, _ token: String) -> Reply {
        switch receipt {
        case .sold(let sale, _):
            return .json([
                "status": "completed", "text": .string(Payment.Status.completed.forBuyers), "done": true, "goods": .string(sale.content ?? ""),
                "sale_id": .string(sale.id), "transaction": .string(sale.hash),
            ])
        case .pending(let settlement):
            return .json(
                [
                    "status": "settling", "text": .string(Payment.Status.settling.forBuyers), "done": false,
                    "status_path": .text(settlement.paymentID.map { "/pay/\(token)/status?payment=\($0)" }),
                ], status: .accepted)
        case .refused(let refusal, _):
            return .json(["status": "failed", "text": .string(refusal.message), "done": true], status: .init(code: 402))
        }
    }
}

extension Payment.Status {
    /// In a buyer's words.
    var forBuyers: String {
        switch self {
        case .pending, .verified: "Waiting for payment"
        case .settling, .unknown: "Payment sent, waiting for the network. Do not pay again."
        case .completed: "Paid. Thank you!"
        case .partiallyRefunded: "Paid, and refunded in part"
        case .refunded: "Refunded"
        case .failed: "The payment failed. Nothing was charged."
        case .expired: "The payment was not made in time"
        }
    }

    /// Whether a page may stop asking.
    var isEnd: Bool {
        switch self {
        case .pending, .verified, .settling, .unknown: false
        case .completed, .partiallyRefunded, .refunded, .failed, .expired: true
        }
    }
}
