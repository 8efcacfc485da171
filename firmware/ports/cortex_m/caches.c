/* Registers of Armv7-M: Arm DDI 0403E, B2.2 (caches), B3.2 and B3.5 (MPU). */
#include "caches.h"

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_CCSIDR REGISTER(0xE000ED80u)
#define SCB_CSSELR REGISTER(0xE000ED84u)
#define SCB_ICIALLU REGISTER(0xE000EF50u)
#define SCB_DCISW REGISTER(0xE000EF60u)
#define CCR_DC (1u << 16)
#define CCR_IC (1u << 17)
#define CSSELR_LEVEL_1_DATA 0u

#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)
#define MPU_CTRL_ENABLE_WITH_DEFAULT_MAP (1u << 0 | 1u << 2)
#define RASR_EXECUTE_NEVER (1u << 28) /* and AP = 0: no access */
#define RASR_ALL_4GB (31u << 1)
#define RASR_ENABLE 1u
/* The region has eight parts of 512 MB; those of code, RAM, peripherals and the core stay out. */
#define RASR_WITHOUT_PARTS_0_1_2_7 (0x87u << 8)

/* DCISW takes the way in the highest bits, and the set above the bits of a line of 32 bytes. */
#define DCISW_SET_SHIFT 5u

static void close_external_memory(void) {
  MPU_RNR = 0;
  MPU_RBAR = 0;
  MPU_RASR = RASR_EXECUTE_NEVER | RASR_WITHOUT_PARTS_0_1_2_7 | RASR_ALL_4GB | RASR_ENABLE;
  MPU_CTRL = MPU_CTRL_ENABLE_WITH_DEFAULT_MAP;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}

static void empty_data_cache(void) {
  SCB_CSSELR = CSSELR_LEVEL_1_DATA;
  __asm__ volatile("dsb" ::: "memory");
  const uint32_t geometry = SCB_CCSIDR;
  const uint32_t last_set = geometry >> 13 & 0x7FFFu;
  const uint32_t last_way = geometry >> 3 & 0x3FFu;
  const uint32_t way_shift = last_way == 0 ? 0u : (uint32_t)__builtin_clz(last_way);
  for (uint32_t set = 0; set <= last_set; set++) {
    for (uint32_t way = 0; way <= last_way; way++) {
      SCB_DCISW = set << DCISW_SET_SHIFT | way << way_shift;
    }
  }
  __asm__ volatile("dsb" ::: "memory");
}

void cortex_m7_start_caches(void) {
  close_external_memory();
  SCB_ICIALLU = 0;
  empty_data_cache();
  SCB_CCR |= CCR_IC | CCR_DC;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}
