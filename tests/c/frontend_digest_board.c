/* The front-end's digests on a board, said in the manner of the bench programs. */
#include "../../firmware/bench/bench.h"
#include "frontend_digest.h"
#include "port.h"

int main(void) {
  static uint32_t digests[DIGESTS];
  const sotto_port *port = sotto_port_get();
  port->init();
  frontend_digest(digests);
  bench_report(port, 0, 0, digests, sizeof digests);
  return 0;
}
