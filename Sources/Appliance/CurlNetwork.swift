import CCurl
import Kernel
import NIOPosix

/// Outgoing HTTP over libcurl.
///
/// Each request blocks one of `requestsMax` threads of its own, never a thread that
/// serves; further requests wait their turn. A request that has begun is not
/// interrupted when its task is cancelled: its timeout is the bound.
package struct CurlNetwork: Network {
    /// Requests on their way at once.
    package static let requestsMax = 16

    private static let threads: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: requestsMax)
        pool.start()
        return pool
    }()

    package init() {}

    package func send(_ request: Request) async throws -> Answer {
        // A line break in a header would become a header of its own.
        guard Self.isClean(request) else { throw NetworkFailure.unreachable }
        let result: Result<Answer, NetworkFailure>
        do {
            result = try await Self.threads.runIfActive { Self.exchange(request) }
        } catch {
            // Cancelled before its turn came.
            throw NetworkFailure.unreachable
        }
        return try result.get()
    }

    private static func exchange(_ request: Request) -> Result<Answer, NetworkFailure> {
        var headers = ""
        for header in request.headers {
            // libcurl reads "Name;" as a header without a value, and "Name:" as one to leave out.
            headers += header.value.isEmpty ? "\(header.name);\n" : "\(header.name): \(header.value)\n"
        }
        var answer = till_curl_answer()
        till_curl_send(
            request.method, request.url, headers, request.body, request.body.count, milliseconds(request.timeout),
            max(0, request.answerBytesMax), request.socket ?? "", &answer)
        defer { till_curl_free(&answer) }
        if answer.outcome == TILL_CURL_UNREACHABLE { return .failure(.unreachable) }
        if answer.outcome == TILL_CURL_NO_ANSWER { return .failure(.noAnswer) }
        let body = Array(UnsafeMutableBufferPointer<UInt8>(start: answer.body, count: answer.body_count))
        let lines = Array(UnsafeMutableBufferPointer<UInt8>(start: answer.headers, count: answer.headers_count))
        return .success(Answer(status: answer.status, headers: parse(lines), body: body))
    }

    private static func parse(_ lines: [UInt8]) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            var value = line[line.index(after: colon)...]
            while let first = value.first, first == 0x20 || first == 0x09 { value = value.dropFirst() }
            while let last = value.last, last == 0x20 || last == 0x09 { value = value.dropLast() }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            headers.append((name: name, value: String(decoding: value, as: UTF8.self)))
        }
        return headers
    }

    private static func isClean(_ request: Request) -> Bool {
        let method = !request.method.isEmpty && request.method.utf8.allSatisfy { (0x41...0x5a).contains($0) }
        let headers = request.headers.allSatisfy { isName($0.name) && isPlain($0.value) }
        return method && headers && isPlain(request.url) && isPlain(request.socket ?? "")
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: ";") }
    }

    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return Int(clamping: min(seconds, 86_400) * 1_000 + attoseconds / 1_000_000_000_000_000)
    }
}
