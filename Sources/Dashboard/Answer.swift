// Answers: pages, files, and what is said when there is none.

import Bench
import Hummingbird
import NIOCore
import Reports

/// Makes answers.
enum Answer {
  /// A page of the dashboard: `template` with `content`, in the frame that all have.
  static func page(
    _ template: [UInt8], _ content: Any, title: String, place: String,
    status: HTTPResponse.Status = .ok
  ) throws -> Response {
    HTMLText.registration
    let body = try CampaignReport.render(template, content)
    return html(
      try CampaignReport.render(
        PackageResources.layout_mustache,
        Frame(
          title: title, body: body, isRuns: place == "runs", isCampaigns: place == "campaigns",
          isTrends: place == "trends", isVersus: place == "versus")), status: status)
  }

  /// What is common to all pages.
  private struct Frame {
    let title, body: String
    let isRuns, isCampaigns, isTrends, isVersus: Bool
  }

  /// A page that says why there is none.
  static func error(_ status: HTTPResponse.Status, _ reason: String) -> Response {
    let page = try? Answer.page(
      PackageResources.error_mustache, ErrorPage(code: "\(status.code)", reason: reason),
      title: reason, place: "", status: status)
    return page ?? Response(status: status)
  }

  private struct ErrorPage {
    let code, reason: String
  }

  /// A page as it is.
  static func html(
    _ text: String, status: HTTPResponse.Status = .ok, policy: String? = nil
  ) -> Response {
    var headers: HTTPFields = [.contentType: "text/html; charset=utf-8"]
    headers[.contentSecurityPolicy] = policy
    return Response(
      status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  /// One of our own files.
  static func asset(_ bytes: [UInt8], type: String) -> Response {
    Response(
      status: .ok, headers: [.contentType: type, .cacheControl: "max-age=300"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}
