// Words of the page in both languages, and how numbers are written.
const words = {
  en: {
    floor: "Floor", carts: "Carts", moves: "Movements", receipts: "Receipts", reviews: "Review", health: "Health",
    people: "people", inside: "carts", moved: "movements", paid: "receipts", drafts: "drafts", open: "to review", rate: "msg/s",
    empty_carts: "Nobody is shopping. Show an entry code at the gate.", empty_moves: "No shelf has changed yet.",
    empty_receipts: "No receipt yet.", empty_reviews: "Nothing to settle. All conclusions were sure enough.",
    staff: "staff", unknown: "unknown", nogoods: "no goods", took: "took", back: "put back", stocked: "stocked", removed: "took off shelf",
    accept: "recorded", review: "to review", leaveoff: "let go", draft: "draft", final: "final", party: "people", cart_empty: "empty cart",
    total: "Total", tax: "tax incl.", fill: "shelf fill", low: "empty", full: "full", someone: "person, number = items in cart", nobody: "not yet bound",
    pick: "Tap a fixture to see its shelves.", answer_none: "Nobody took anything", visit_since: "no code", visit_who: "Who was that? One answer settles all of it.", visit_nobody: "Nobody known", asked_hand_over: "Did one of these pass from hand to hand?", asked_exchange: "What came and went here?", asked_step: "Who did what here at once?",
    nothing_passed: "Nothing passed", one_by_one: "One by one", sure: "sure", other: "something else",
    lost: "Connection to the shop lost. Trying again…", risk: "at stake", state_inside: "inside", state_leaving: "leaving", state_left: "left",
    mass: "mass", place: "place", reach: "reach", look: "look", cart: "cart", stock: "stock", prior: "prior",
    broker: "Broker", connected: "connected", gone: "gone", messages: "Messages", samples: "Load samples", dropped: "Dropped", damaged: "Damaged", skipped: "Left off", reconnects: "Times lost",
    plates_good: "Plates good", plates_bad: "Plates faulty", entries: "Ledger entries", refused: "Refused", lag: "Behind the devices", cause: "Cause", no_refusals: "Nothing was refused.",
    why_doubt: "not sure enough", why_unknown_person: "nobody known did it", why_unknown_session: "session not known", why_late: "known after the exit",
    why_beyond_cart: "more than the cart held", why_unknown_sku: "not in the catalogue", why_unknown_shelf: "shelf not known", why_absurd_quantity: "too many units", why_conflict: "conclusions contradict",
    cameras: "Cameras", camera_live: "live", no_picture: "tells what it sees, sends no picture", camera_simulated: "live, tracks from elsewhere", camera_off: "calibration off by",
    cameras_legend: "Yellow: heads that the networks found, blue: hands. Lines: tracks from head to foot, with number and session; rings: their hands.",
    shelves: "Shelves", count_it: "count", books_say: (n) => `Books: ${n}`, at_least: (n) => `but ${n} or more stand there`, at_most: (n) => `but there can be ${n} at most`, gap: "gap", wrong_item: "other product", facing: "facing", seems: "seems to be", since: "since", empty_shelves: "All facings are filled.", facings_watched: "facings watched",
    why: "why?", answered: "Answered", camera_good: "good", camera_silent: "no pictures", camera_frozen: "frozen", camera_dark: "dark", camera_bright: "overexposed", camera_moved: "moved or covered", camera_misshapen: "wrong shape", failed: "That did not work", free: "free",
  },
  ko: {
    floor: "매장", carts: "장바구니", moves: "이동", receipts: "영수증", reviews: "검토", health: "상태",
    people: "명", inside: "장바구니", moved: "이동", paid: "영수증", drafts: "임시", open: "검토 대기", rate: "msg/s",
    empty_carts: "쇼핑 중인 고객이 없습니다. 게이트에 입장 코드를 보여 주세요.", empty_moves: "아직 선반에 변화가 없습니다.",
    empty_receipts: "아직 영수증이 없습니다.", empty_reviews: "확인할 것이 없습니다. 모든 판단이 충분히 확실합니다.",
    staff: "직원", unknown: "미확인", nogoods: "상품 아님", took: "집음", back: "되돌림", stocked: "진열", removed: "선반에서 뺌",
    accept: "기록됨", review: "검토", leaveoff: "넘김", draft: "임시", final: "확정", party: "명", cart_empty: "빈 장바구니",
    total: "합계", tax: "부가세 포함", fill: "선반 채움", low: "비었음", full: "가득", someone: "사람, 숫자는 담은 개수", nobody: "아직 미연결",
    pick: "진열대를 누르면 선반이 보입니다.", answer_none: "아무도 가져가지 않음", visit_since: "코드 없이 입장", visit_who: "누구였습니까? 한 번 답하면 모두 처리됩니다.", visit_nobody: "모르는 사람", asked_hand_over: "이 중 하나를 건네주었습니까?", asked_exchange: "여기에 무엇이 오갔습니까?", asked_step: "여기서 동시에 누가 무엇을 했습니까?",
    nothing_passed: "건네지 않음", one_by_one: "하나씩", sure: "확신", other: "다른 경우",
    lost: "매장과 연결이 끊겼습니다. 다시 연결하는 중…", risk: "걸린 금액", state_inside: "쇼핑 중", state_leaving: "나가는 중", state_left: "퇴장",
    mass: "무게", place: "위치", reach: "손", look: "모습", cart: "장바구니", stock: "재고", prior: "평소",
    broker: "브로커", connected: "연결됨", gone: "끊김", messages: "메시지", samples: "무게 표본", dropped: "버림", damaged: "손상", skipped: "건너뜀", reconnects: "끊긴 횟수",
    plates_good: "정상 판", plates_bad: "이상 판", entries: "원장 항목", refused: "거부", lag: "장치보다 늦음", cause: "원인", no_refusals: "거부된 것이 없습니다.",
    why_doubt: "확실하지 않음", why_unknown_person: "모르는 사람", why_unknown_session: "모르는 입장", why_late: "퇴장 뒤에 확인됨",
    why_beyond_cart: "장바구니보다 많음", why_unknown_sku: "목록에 없는 상품", why_unknown_shelf: "모르는 선반", why_absurd_quantity: "너무 많은 수량", why_conflict: "판단이 엇갈림",
    cameras: "카메라", camera_live: "실시간", no_picture: "본 것만 알리고 영상은 보내지 않음", camera_simulated: "실시간, 외부 추적", camera_off: "보정 어긋남",
    cameras_legend: "노랑: 신경망이 찾은 머리, 파랑: 손. 선: 머리에서 발까지의 추적, 번호와 세션 표시. 고리: 추적된 손.",
    shelves: "선반", count_it: "세어 보기", books_say: (n) => `장부: ${n}개`, at_least: (n) => `실제로는 ${n}개 이상`, at_most: (n) => `실제로는 최대 ${n}개`, gap: "빈칸", wrong_item: "다른 상품", facing: "열", seems: "추정 상품", since: "발견", empty_shelves: "빈칸이 없습니다.", facings_watched: "열을 보는 중",
    why: "왜?", answered: "처리됨", camera_good: "정상", camera_silent: "영상 없음", camera_frozen: "멈춤", camera_dark: "어두움", camera_bright: "너무 밝음", camera_moved: "움직였거나 가려짐", camera_misshapen: "화면 비율 다름", failed: "처리하지 못했습니다", free: "무료",
  },
};

export const locale = { lang: "en" };
export const t = (key) => words[locale.lang][key] ?? words.en[key] ?? key;
export const nameOf = (product) => product ? (locale.lang === "ko" ? product.name_ko : product.name_en) || product.name_en : t("nogoods");

export function money(minor, shop) {
  const digits = shop.minor_digits;
  const value = minor / 10 ** digits;
  return new Intl.NumberFormat(locale.lang, { style: "currency", currency: shop.currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

export function time(micros, shop, seconds = true) {
  const options = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: shop.time_zone };
  if (seconds) options.second = "2-digit";
  return new Intl.DateTimeFormat(locale.lang === "ko" ? "ko" : "en-GB", options).format(new Date(micros / 1000));
}

export const count = (n) => new Intl.NumberFormat(locale.lang).format(n);
export const percent = (p) => p >= 0.9995 ? "100\u00a0%" : p >= 0.99 ? `${(p * 100).toFixed(1)}\u00a0%` : `${Math.round(p * 100)}\u00a0%`;
export const grams = (g) => `${g > 0 ? "+" : g < 0 ? "−" : ""}${count(Math.abs(Math.round(g)))} g`;

// Twelve colours, told apart in light and dark, each dark enough for white text.
const hues = ["#0b7285", "#b5408f", "#5f3dc4", "#c2410c", "#2b6cb0", "#3f7d20", "#9c36b5", "#a16207", "#c92a4a", "#087f5b", "#4a5fc1", "#8a5a44"];
export const colourOf = (session) => {
  const n = Number(String(session).replace(/\D/g, ""));
  return Number.isFinite(n) && session ? hues[n % hues.length] : "#6b7780";
};

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
