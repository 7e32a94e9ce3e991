-- columns: id_cidadao bigint, nome text, nome_social text, dt_nascimento date, idade integer, raca_cor text, cpf text, cns text, telefone text, ibge text, cnes text, unidade text, ine text, equipe text, micro_area text, dt_cadastro date, dt_ultima_coleta date, coletas_36_meses integer, dt_ultimo_resultado date, st_em_dia boolean, dt_vencimento date, st_nunca_coletou boolean, dt_ultima_mamografia date, st_mamografia_em_dia boolean, doses_hpv integer, dt_ultima_hpv date, st_gestante boolean, dt_ultima_dum date, st_fumante boolean, st_cancer boolean, st_hipertensao boolean, st_diabetes boolean, st_acamado boolean, st_domiciliado boolean, dt_ultima_consulta date, consultas_6_meses integer, consultas_12_meses integer, visitas_12_meses integer, dt_ultima_visita date, dias_desde_coleta integer, dt_extracao timestamptz
-- key: id_cidadao
-- volatile: dias_desde_coleta, dt_extracao
-- Living women from 25 to 64 years, with the smears for cytology of the last 36 months.
select
    c.co_seq_fat_cidadao_pec as id_cidadao, c.no_cidadao as nome, c.no_social_cidadao as nome_social,
    nascimento.dt_registro as dt_nascimento,
    extract(year from age(hoje.dia, nascimento.dt_registro))::integer as idade,
    cor.ds_raca_cor as raca_cor, c.nu_cpf_cidadao as cpf, c.nu_cns as cns,
    c.nu_telefone_celular as telefone, municipio.co_ibge as ibge, unidade.nu_cnes as cnes,
    unidade.no_unidade_saude as unidade, equipe.nu_ine as ine, equipe.no_equipe as equipe,
    cadastro.nu_micro_area as micro_area, cadastrado.dt_registro as dt_cadastro,
    exame.coleta as dt_ultima_coleta, coalesce(exame.coletas, 0) as coletas_36_meses,
    exame.resultado as dt_ultimo_resultado, coalesce(exame.coletas, 0) > 0 as st_em_dia,
    (exame.coleta + interval '36 months')::date as dt_vencimento,
    exame.coleta is null as st_nunca_coletou, exame.mamografia as dt_ultima_mamografia,
    coalesce(exame.mamografia > hoje.dia - interval '24 months', false) as st_mamografia_em_dia,
    coalesce(hpv.doses, 0) as doses_hpv, hpv.ultima as dt_ultima_hpv,
    coalesce(hoje.dia - gestacao.dum <= 294, false) as st_gestante, gestacao.dum as dt_ultima_dum,
    coalesce(cadastro.st_fumante = 1, false) as st_fumante,
    coalesce(cadastro.st_cancer = 1, false) as st_cancer,
    coalesce(cadastro.st_hipertensao_arterial = 1, false) as st_hipertensao,
    coalesce(cadastro.st_diabete = 1, false) as st_diabetes,
    coalesce(cadastro.st_acamado = 1, false) as st_acamado,
    coalesce(cadastro.st_domiciliado = 1, false) as st_domiciliado,
    consulta.ultima as dt_ultima_consulta, coalesce(consulta.em_6_meses, 0) as consultas_6_meses,
    coalesce(consulta.em_12_meses, 0) as consultas_12_meses,
    coalesce(visita.em_12_meses, 0) as visitas_12_meses, visita.ultima as dt_ultima_visita,
    hoje.dia - exame.coleta as dias_desde_coleta,
    now() as dt_extracao
from tb_fat_cidadao_pec as c
-- The list says how things stood when PEC last processed, not at whatever hour it is read.
cross join (
    select max(dt_processamento)::date as dia from tb_relatorio_processamento
) as hoje
left join tb_dim_tempo as nascimento
    on nascimento.co_seq_dim_tempo = c.co_dim_tempo_nascimento
    and nascimento.co_seq_dim_tempo <> 30001231
left join tb_dim_raca_cor as cor
    on cor.co_seq_dim_raca_cor = c.co_dim_raca_cor and cor.co_seq_dim_raca_cor <> 1
left join tb_dim_unidade_saude as unidade
    on unidade.co_seq_dim_unidade_saude = c.co_dim_unidade_saude_vinc
    and unidade.co_seq_dim_unidade_saude <> 1
left join tb_dim_equipe as equipe
    on equipe.co_seq_dim_equipe = c.co_dim_equipe_vinc and equipe.co_seq_dim_equipe <> 1
left join (
    select distinct on (co_fat_cidadao_pec) *
    from tb_fat_cad_individual
    order by co_fat_cidadao_pec, co_dim_tempo desc, co_seq_fat_cad_individual desc
) as cadastro on cadastro.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join tb_dim_tempo as cadastrado
    on cadastrado.co_seq_dim_tempo = cadastro.co_dim_tempo
    and cadastrado.co_seq_dim_tempo <> 30001231
left join tb_dim_municipio as municipio
    on municipio.co_seq_dim_municipio = cadastro.co_dim_municipio
    and municipio.co_seq_dim_municipio <> 1
left join (
    select p.co_fat_cidadao_pec,
        max(t.dt_registro) filter (where d.co_proced = '0201020033') as coleta,
        count(*) filter (where d.co_proced = '0201020033'
            and t.dt_registro > h.dia - interval '36 months') as coletas,
        max(t.dt_registro) filter (where d.co_proced = '0203010086') as resultado,
        max(t.dt_registro) filter (where d.co_proced = '0204030188') as mamografia
    from (
        select co_fat_cidadao_pec, co_dim_tempo, co_dim_procedimento_avaliado as procedimento,
            true as avaliado
        from tb_fat_atd_ind_procedimentos
        union all
        select co_fat_cidadao_pec, co_dim_tempo, co_dim_procedimento_solicitado, false
        from tb_fat_atd_ind_procedimentos
        union all
        select co_fat_cidadao_pec, co_dim_tempo, co_dim_procedimento, true
        from tb_fat_proced_atend_proced
    ) as p
    join tb_dim_procedimento as d on d.co_seq_dim_procedimento = p.procedimento
    join tb_dim_tempo as t on t.co_seq_dim_tempo = p.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
    cross join (
        select max(dt_processamento)::date as dia from tb_relatorio_processamento
    ) as h
    where d.co_proced in ('0201020033', '0203010086', '0204030188')
    group by p.co_fat_cidadao_pec
) as exame on exame.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select v.co_fat_cidadao_pec, count(*) as doses, max(t.dt_registro) as ultima
    from tb_fat_vacinacao_vacina as v
    join tb_dim_imunobiologico as i
        on i.co_seq_dim_imunobiologico = v.co_dim_imunobiologico and i.sg_imunobiologico = 'HPV4'
    left join tb_dim_tempo as t
        on t.co_seq_dim_tempo = v.co_dim_tempo_vacina_aplicada and t.co_seq_dim_tempo <> 30001231
    group by v.co_fat_cidadao_pec
) as hpv on hpv.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select a.co_fat_cidadao_pec, max(t.dt_registro) as dum
    from tb_fat_atendimento_individual as a
    join tb_dim_tempo as t on t.co_seq_dim_tempo = a.co_dim_tempo_dum
    where a.co_dim_tempo_dum <> 30001231
    group by a.co_fat_cidadao_pec
) as gestacao on gestacao.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select a.co_fat_cidadao_pec, max(t.dt_registro) as ultima,
        count(*) filter (where t.dt_registro > h.dia - interval '6 months') as em_6_meses,
        count(*) filter (where t.dt_registro > h.dia - interval '12 months') as em_12_meses
    from tb_fat_atendimento_individual as a
    join tb_dim_tempo as t on t.co_seq_dim_tempo = a.co_dim_tempo
    cross join (
        select max(dt_processamento)::date as dia from tb_relatorio_processamento
    ) as h
    where a.co_dim_tempo <> 30001231
    group by a.co_fat_cidadao_pec
) as consulta on consulta.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select v.co_fat_cidadao_pec, max(t.dt_registro) as ultima,
        count(*) filter (where t.dt_registro > h.dia - interval '12 months') as em_12_meses
    from tb_fat_visita_domiciliar as v
    join tb_dim_tempo as t on t.co_seq_dim_tempo = v.co_dim_tempo
    cross join (
        select max(dt_processamento)::date as dia from tb_relatorio_processamento
    ) as h
    where v.co_dim_tempo <> 30001231
    group by v.co_fat_cidadao_pec
) as visita on visita.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
where c.st_faleceu = 0 and c.co_dim_sexo = 3
and extract(year from age(hoje.dia, nascimento.dt_registro)) between 25 and 64
